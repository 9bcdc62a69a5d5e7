"""lstm: a long short-term memory over whole sequences, one layer in one direction.

    (h_t, c_t) = lstm_cell(x_t, (h_(t-1), c_(t-1)))        t = 0 ... length - 1, from the given h_(-1), c_(-1)

or, with reverse=True, from the last step to the first: (h_t, c_t) = lstm_cell(x_t, (h_(t+1), c_(t+1))). Without
lengths every sequence of the batch has all T steps. With them, sequence n ends after lengths[n] steps, in any order;
what follows is padding: it is not read, its h_t is 0 and its gradient 0. The final state h_n, c_n of a sequence is
that after its own last step (reverse: its first); a sequence of length 0 keeps the state that it was given.

Shapes    x (T, B, D), h0 c0 h_n c_n (B, H), w_ih (4H, D), w_hh (4H, H), b_ih b_hh (4H), lengths (B),
          h c (T, B, H), gates (T, B, 4H)
Gradient  back-propagation through time: the gradient of lstm_cell step by step in the opposite order, dh_t of a step
          being the sum of what arrives from its result and from the step after it; the weights belong to every step,
          so their gradients are summed over t
Source    Hochreiter, Schmidhuber, "Long short-term memory", Neural Computation 9 (1997);
          Werbos, "Backpropagation through time: what it does and how to do it", Proc. IEEE 78 (1990);
          Appleyard, Kocisky, Blunsom, "Optimizing performance of recurrent neural networks on GPUs", 2016, for the
          order of the work: W_ih x for all steps is one product, the gradients of the weights are another
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Array, check_array, check_flag, check_floats, check_rank
from ..op import empty, kernel, op
from ..tape import TensorBase, is_grad_enabled
from ..tensor import Tensor
from .lstm_cell import check_state, check_weights, lstm_cell_backward, lstm_cell_forward


@kernel(writes="gates, c, h, h_n, c_n")
def lstm_forward(x, h0, c0, w_ih, w_hh, b_ih, b_hh, lengths, reverse, gates, c, h, h_n, c_n):
    """gates and c are what the gradient will need; None, if nobody will ask for it."""
    T, B, _ = x.shape
    gates = np.empty((T, B, w_ih.shape[0])) if gates is None else gates
    c = np.empty(h.shape) if c is None else c
    h_n[...], c_n[...] = h0, c0
    for n in range(B):
        s = slice(n, n + 1)
        for t in steps(T, lengths, n, reverse):
            state = h_n[s].copy(), c_n[s].copy()
            lstm_cell_forward.reference(x[t, s], *state, w_ih, w_hh, b_ih, b_hh, gates[t, s], h[t, s], c[t, s])
            h_n[n], c_n[n] = h[t, n], c[t, n]
        if lengths is not None:
            gates[lengths[n] :, n] = h[lengths[n] :, n] = c[lengths[n] :, n] = 0.0


def steps(T, lengths, n, reverse):
    """The steps of sequence n, in the order in which they are computed."""
    forward = range(T if lengths is None else int(lengths[n]))
    return forward[::-1] if reverse else forward


@kernel(writes="dx, dh0, dc0, dw_ih, dw_hh, db")
def lstm_backward(dh, dh_n, dc_n, x, h0, c0, w_ih, w_hh, lengths, reverse, gates, c, h, dx, dh0, dc0, dw_ih, dw_hh, db):
    """dh, dh_n, dc_n are None where no gradient arrived; dx, dw_ih, dw_hh, db are None where nobody needs them."""
    T, B, D = x.shape
    H = h.shape[2]
    for total in (dx, dw_ih, dw_hh, db):
        if total is not None:
            total[...] = 0.0
    for n in range(B):
        s = slice(n, n + 1)
        dh_t = np.zeros((1, H)) if dh_n is None else dh_n[s].copy()
        dc_t = np.zeros((1, H)) if dc_n is None else dc_n[s].copy()
        order = steps(T, lengths, n, reverse)
        for t in reversed(order):
            h_before, c_before = (h0[s], c0[s]) if t == order[0] else (h[t - order.step, s], c[t - order.step, s])
            if dh is not None:
                dh_t = dh_t + dh[t, s]
            dx_t, dw_ih_t, dw_hh_t = np.zeros((1, D)), np.zeros((4 * H, D)), np.zeros((4 * H, H))
            dh_before, dc_before, db_t = np.zeros((1, H)), np.zeros((1, H)), np.zeros(4 * H)
            lstm_cell_backward.reference(
                dh_t, dc_t, x[t, s], h_before, c_before, w_ih, w_hh, gates[t, s], c[t, s],
                dx_t, dh_before, dc_before, dw_ih_t, dw_hh_t, db_t,
            )  # fmt: skip
            dh_t, dc_t = dh_before, dc_before
            if dx is not None:
                dx[t, n] = dx_t[0]
            for total, part in ((dw_ih, dw_ih_t), (dw_hh, dw_hh_t), (db, db_t)):
                if total is not None:
                    total[...] = total + part
        dh0[n], dc0[n] = dh_t[0], dc_t[0]


def _draw_sequence(draw):
    T, B, D, H = draw.integer(0, 4), draw.integer(0, 5), draw.integer(0, 4), draw.choice(1, 2, 3, 5, 9, 17)
    bias, keep = draw.choice(True, False), draw.choice(True, False)
    return {
        "x": draw.array((T, B, D)),
        "h0": draw.array((B, H)),
        "c0": draw.array((B, H)),
        # Finite: steps beyond a sequence's end give zeros, which a kernel may get by multiplying with weights.
        "w_ih": draw.array((4 * H, D), finite=True),
        "w_hh": draw.array((4 * H, H), finite=True),
        "b_ih": draw.array((4 * H,)) if bias else None,
        "b_hh": draw.array((4 * H,)) if bias else None,
        "lengths": draw.integers((B,), 0, T) if draw.choice(True, False) else None,
        "reverse": draw.choice(True, False),
        "gates": draw.out((T, B, 4 * H)) if keep else None,
        "c": draw.out((T, B, H)) if keep else None,
        "h": draw.out((T, B, H)),
        "h_n": draw.out((B, H)),
        "c_n": draw.out((B, H)),
    }


@lstm_forward.samples
def _(draw):
    return _draw_sequence(draw)


@lstm_backward.samples
def _(draw):
    drawn = _draw_sequence(draw)
    T, B, H = drawn["h"].shape
    drawn["gates"], drawn["c"] = draw.out((T, B, 4 * H)), draw.out((T, B, H))
    lstm_forward.run_reference(*drawn.values())
    kept = {name: drawn[name] for name in ("x", "h0", "c0", "w_ih", "w_hh", "lengths", "reverse", "gates", "c", "h")}
    arrived = {
        f"d{name}": draw.array(drawn[name].shape) if draw.choice(True, False) else None for name in ("h", "h_n", "c_n")
    }
    results = {f"d{name}": draw.out(drawn[name].shape) for name in ("x", "h0", "c0", "w_ih", "w_hh")}
    results["db"] = draw.out((4 * H,))
    for name in ("dx", "dw_ih", "dw_hh", "db"):
        if draw.choice(False, False, True):
            results[name] = None
    return {**arrived, **kept, **results}


def lstm(
    input: Any,
    hx: tuple[Any, Any],
    w_ih: Any,
    w_hh: Any,
    b_ih: Any = None,
    b_hh: Any = None,
    lengths: Any = None,
    reverse: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """(h, h_n, c_n) of one layer in one direction over the sequences `input`. See the top of this file.

    input (T, B, D); hx = (h_0, c_0), each (B, H); w_ih (4H, D), w_hh (4H, H), b_ih and b_hh (4H) or None;
    lengths: B integers from 0 to T, or None. Layers in several or in both directions: pydl.nn.LSTM.
    Errors: TypeError for hx that is no pair, wrong dtypes, lengths that are no integers; ValueError for shapes that do
    not fit each other, lengths out of range.
    """
    h0, c0 = check_state("lstm", hx)
    tensors = (input, h0, c0, w_ih, w_hh, b_ih, b_hh)
    records = is_grad_enabled() and any(isinstance(t, TensorBase) and t.requires_grad for t in tensors)
    lengths = lengths.data if isinstance(lengths, TensorBase) else lengths
    results: tuple[Tensor, Tensor, Tensor] = _lstm(*tensors, lengths, check_flag("lstm", "reverse", reverse), records)
    return results


@op("input", "h0", "c0", "w_ih", "w_hh", "b_ih", "b_hh", several=True)
def _lstm(input, h0, c0, w_ih, w_hh, b_ih, b_hh, lengths, reverse, records):
    x, h0, c0, w_ih, w_hh, b_ih, b_hh = check_floats(
        "lstm", ("b_ih", "b_hh"), input=input, h_0=h0, c_0=c0, w_ih=w_ih, w_hh=w_hh, b_ih=b_ih, b_hh=b_hh
    )
    check_rank("lstm", "input", x, 3, layout="(T, B, D)")
    check_weights("lstm", x, h0, c0, w_ih, w_hh, b_ih, b_hh)
    T, B, _ = x.shape
    H = w_hh.shape[1]
    lengths = check_lengths("lstm", lengths, T, B)
    h, h_n, c_n = empty((T, B, H), x.dtype), empty((B, H), x.dtype), empty((B, H), x.dtype)
    gates = empty((T, B, 4 * H), x.dtype) if records else None
    c = empty((T, B, H), x.dtype) if records else None
    lstm_forward(x, h0, c0, w_ih, w_hh, b_ih, b_hh, lengths, reverse, gates, c, h, h_n, c_n)

    def gradient(dys, needs):
        dx = empty(x.shape, x.dtype) if needs[0] else None
        dh0, dc0 = empty(h0.shape, x.dtype), empty(c0.shape, x.dtype)
        dw_ih = empty(w_ih.shape, x.dtype) if needs[3] else None
        dw_hh = empty(w_hh.shape, x.dtype) if needs[4] else None
        db = empty((4 * H,), x.dtype) if needs[5] or needs[6] else None
        kept = (x, h0, c0, w_ih, w_hh, lengths, reverse, gates, c, h)
        lstm_backward(*dys, *kept, dx, dh0, dc0, dw_ih, dw_hh, db)
        return dx, dh0, dc0, dw_ih, dw_hh, db, db

    return [h, h_n, c_n], gradient, ("input", "h0", "c0", "w_ih", "w_hh", "output")


def check_lengths(name: str, lengths: Any, T: int, B: int) -> Array | None:
    """The lengths of B sequences of at most T steps, as an array of its own that nobody else can change."""
    if lengths is None:
        return None
    given = check_array(name, "lengths", lengths)
    if given.dtype.kind not in "iu":
        raise TypeError(f"{name}: lengths has dtype {given.dtype} but must hold integers")
    if given.shape != (B,):
        raise ValueError(f"{name}: lengths has shape {given.shape} but must be {(B,)}, one for each sequence")
    if B and not 0 <= given.min() <= given.max() <= T:
        raise ValueError(
            f"{name}: lengths must be from 0 to {T}, the steps of the input, but go from {given.min()} to {given.max()}"
        )
    own: Array = given.astype(np.int64)
    return own
