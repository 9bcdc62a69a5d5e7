"""lstm: a long short-term memory over whole sequences, one layer in one direction or in both.

    (h_t, c_t) = lstm_cell(x_t, (h_(t-1), c_(t-1)))        t = 0 ... length - 1, from the given h_(-1), c_(-1)

or, with reverse=True, from the last step to the first: (h_t, c_t) = lstm_cell(x_t, (h_(t+1), c_(t+1))). In both
directions at once, each has its own weights and states, and h_t is the h_t of the first beside that of the second.
Without lengths every sequence of the batch has all T steps. With them, sequence n ends after lengths[n] steps, in any
order; what follows is padding: it is not read, its h_t is 0 and its gradient 0. The final state h_n, c_n of a sequence
is that after its own last step (reverse: its first); a sequence of length 0 keeps the state that it was given.

Shapes    x (T, B, D), lengths (B); of N directions h0 c0 h_n c_n (N, B, H), h (T, B, N H), c (N, T, B, H),
          gates (N, T, B, 4H); of each of them w_ih (4H, D), w_hh (4H, H), b_ih b_hh (4H)
Gradient  back-propagation through time: the gradient of lstm_cell step by step in the opposite order, dh_t of a step
          being the sum of what arrives from its result and from the step after it; the weights belong to every step,
          so their gradients are summed over t
Source    Hochreiter, Schmidhuber, "Long short-term memory", Neural Computation 9 (1997);
          Schuster, Paliwal, "Bidirectional recurrent neural networks", IEEE Trans. Signal Processing 45 (1997);
          Werbos, "Backpropagation through time: what it does and how to do it", Proc. IEEE 78 (1990);
          Appleyard, Kocisky, Blunsom, "Optimizing performance of recurrent neural networks on GPUs", 2016, for the
          gradients of the weights as one product over all steps
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._compiled import TensorBase, is_grad_enabled
from ..arguments import check_flag, check_floats
from ..op import empty, kernel, op
from ..tensor import Tensor
from .lstm_cell import lstm_cell_backward, lstm_cell_forward
from .recurrent import (
    ALL_WEIGHTS,
    OPTIONAL,
    Sequences,
    by_direction,
    check_pair,
    draw_gradients,
    draw_sequence,
    masked,
    runs_backwards,
    steps,
)


@kernel(writes="gates, c, h, h_n, c_n")
def lstm_forward(x, h0, c0, w_ih, w_hh, b_ih, b_hh, lengths, reverse, mask, gates, c, h, h_n, c_n):
    """gates and c are what the gradient will need; None, if nobody will ask for it."""
    N, B, H = h0.shape
    T = len(x)
    gates = np.empty((N, T, B, 4 * H)) if gates is None else gates
    c = np.empty((N, T, B, H)) if c is None else c
    h_n[...], c_n[...] = h0, c0
    for d, n in np.ndindex(N, B):
        s, units = slice(n, n + 1), slice(d * H, (d + 1) * H)
        weights = w_ih[d], masked(w_hh[d], mask, d, n), b_ih[d] if b_ih else None, b_hh[d] if b_hh else None
        for t in steps(T, lengths, n, runs_backwards(d, reverse)):
            state = h_n[d, s].copy(), c_n[d, s].copy()
            lstm_cell_forward.reference(x[t, s], *state, *weights, gates[d, t, s], h[t, s, units], c[d, t, s])
            h_n[d, n], c_n[d, n] = h[t, n, units], c[d, t, n]
        if lengths is not None:
            gates[d, lengths[n] :, n] = h[lengths[n] :, n, units] = c[d, lengths[n] :, n] = 0.0


@kernel(writes="dx, dh0, dc0, dw_ih, dw_hh, db")
def lstm_backward(
    dh, dh_n, dc_n, x, h0, c0, w_ih, w_hh, lengths, reverse, mask, gates, c, h, dx, dh0, dc0, dw_ih, dw_hh, db
):
    """dh, dh_n, dc_n are None where no gradient arrived; dx, dh0, dc0 are None and dw_ih, dw_hh, db are empty where
    nobody needs them."""
    T, _, D = x.shape
    N, B, H = h0.shape
    for total in (dx, *dw_ih, *dw_hh, *db):
        if total is not None:
            total[...] = 0.0
    for d, n in np.ndindex(N, B):
        s, units = slice(n, n + 1), slice(d * H, (d + 1) * H)
        dh_t = np.zeros((1, H)) if dh_n is None else dh_n[d, s].copy()
        dc_t = np.zeros((1, H)) if dc_n is None else dc_n[d, s].copy()
        order = steps(T, lengths, n, runs_backwards(d, reverse))
        for t in reversed(order):
            before = t - order.step
            first = t == order[0]
            h_before, c_before = (h0[d, s], c0[d, s]) if first else (h[before, s, units], c[d, before, s])
            if dh is not None:
                dh_t = dh_t + dh[t, s, units]
            dx_t, da_t = np.zeros((1, D)), np.zeros((1, 4 * H))
            dh_before, dc_before = np.zeros((1, H)), np.zeros((1, H))
            lstm_cell_backward.reference(
                dh_t, dc_t, c_before, w_ih[d], masked(w_hh[d], mask, d, n), gates[d, t, s], c[d, t, s],
                dx_t, dh_before, dc_before, da_t, None,
            )  # fmt: skip
            dh_t, dc_t = dh_before, dc_before
            dw_ih_t, dw_hh_t = da_t.T * x[t, s], masked(da_t.T * h_before, mask, d, n)
            if dx is not None:
                dx[t, n] += dx_t[0]
            for total, part in ((dw_ih, dw_ih_t), (dw_hh, dw_hh_t), (db, da_t[0])):
                if total:
                    total[d] += part
        for result, state in ((dh0, dh_t), (dc0, dc_t)):
            if result is not None:
                result[d, n] = state[0]


def _draw_lstm(draw):
    drawn = draw_sequence(draw, 4)
    T, B, _ = drawn["x"].shape
    N, _, H = drawn["h0"].shape
    keep = draw.choice(True, False)
    x, h0 = drawn.pop("x"), drawn.pop("h0")
    return {
        **{"x": x, "h0": h0, "c0": draw.array((N, B, H)), **drawn},
        "gates": draw.out((N, T, B, 4 * H)) if keep else None,
        "c": draw.out((N, T, B, H)) if keep else None,
        "h": draw.out((T, B, N * H)),
        "h_n": draw.out((N, B, H)),
        "c_n": draw.out((N, B, H)),
    }


@lstm_forward.samples
def _(draw):
    return _draw_lstm(draw)


@lstm_backward.samples
def _(draw):
    drawn = _draw_lstm(draw)
    T, B, _ = drawn["x"].shape
    N, _, H = drawn["h0"].shape
    drawn["gates"], drawn["c"] = draw.out((N, T, B, 4 * H)), draw.out((N, T, B, H))
    lstm_forward.run_reference(*drawn.values())
    kept = {
        name: drawn[name] for name in ("x", "h0", "c0", "w_ih", "w_hh", "lengths", "reverse", "mask", "gates", "c", "h")
    }
    arrived = {
        f"d{name}": draw.array(drawn[name].shape) if draw.choice(True, False) else None for name in ("h", "h_n", "c_n")
    }
    return {**arrived, **kept, **draw_gradients(draw, drawn, ("h0", "c0"), ("db",))}


def lstm(
    input: Any,
    hx: tuple[Any, Any],
    w_ih: Any,
    w_hh: Any,
    b_ih: Any = None,
    b_hh: Any = None,
    lengths: Any = None,
    reverse: bool = False,
    mask: Any = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """(h, h_n, c_n) of one layer over the sequences `input`. See the top of this file.

    input (T, B, D); hx = (h_0, c_0), each (B, H); w_ih (4H, D), w_hh (4H, H), b_ih and b_hh (4H) or None;
    lengths: B integers from 0 to T, or None. In both directions at once: each of w_ih, w_hh, b_ih, b_hh a pair of
    arrays, h_0 and c_0 (2, B, H); h is then (T, B, 2H). mask (B, H) or (2, B, H): what h_(t-1) is multiplied with
    on its way to W_hh, an array without gradient. Several layers: pydl.nn.LSTM.
    Errors: TypeError for hx that is no pair, wrong dtypes, lengths that are no integers; ValueError for shapes that do
    not fit each other, lengths out of range.
    """
    reverse = check_flag("lstm", "reverse", reverse)
    tensors: tuple[Any, ...] = (input, *check_pair("lstm", hx), *by_direction("lstm", reverse, w_ih, w_hh, b_ih, b_hh))
    records = is_grad_enabled() and any(isinstance(t, TensorBase) and t.requires_grad for t in tensors)
    lengths, mask = (each.data if isinstance(each, TensorBase) else each for each in (lengths, mask))
    results: tuple[Tensor, Tensor, Tensor] = _lstm(*(*tensors, lengths, reverse, mask, records))
    return results


@op("input", "h0", "c0", *ALL_WEIGHTS, several=True)
def _lstm(
    input, h0, c0, w_ih, w_hh, b_ih, b_hh, w_ih_reverse, w_hh_reverse, b_ih_reverse, b_hh_reverse,
    lengths, reverse, mask, records,
):  # fmt: skip
    weights: list[Any] = [w_ih, w_hh, b_ih, b_hh, w_ih_reverse, w_hh_reverse, b_ih_reverse, b_hh_reverse]
    named = dict(zip(ALL_WEIGHTS, weights, strict=True))
    x, h0, c0, *weights = check_floats("lstm", OPTIONAL, input=input, h_0=h0, c_0=c0, **named)
    q = Sequences("lstm", 4, x, {"h": h0, "c": c0}, weights, lengths, mask)
    h, h_n, c_n = q.results(), q.state(), q.state()
    gates = empty((q.N, q.T, q.B, 4 * q.H), x.dtype) if records else None
    c = empty((q.N, q.T, q.B, q.H), x.dtype) if records else None
    lstm_forward(x, *q.states, q.w_ih, q.w_hh, q.b_ih, q.b_hh, q.lengths, reverse, q.mask, gates, c, h, h_n, c_n)

    def gradient(dys, needs):
        dx = empty(x.shape, x.dtype) if needs[0] else None
        dh0, dc0 = (q.state() if needed else None for needed in needs[1:3])
        dw_ih, dw_hh = q.gradients_like(needs[3::4], q.w_ih), q.gradients_like(needs[4::4], q.w_hh)
        db = q.gradients_like(needs[5::4] + needs[6::4], q.b_ih or q.b_hh)
        arrived = dys[0], q.inside(dys[1]), q.inside(dys[2])
        kept = (x, *q.states, q.w_ih, q.w_hh, q.lengths, reverse, q.mask, gates, c, h)
        lstm_backward(*arrived, *kept, dx, dh0, dc0, dw_ih, dw_hh, db)
        return dx, *q.outside(dh0, dc0), *q.by_argument(dw_ih, dw_hh, db, db)

    used = ("input", "h0", "c0", "w_ih", "w_hh", "w_ih_reverse", "w_hh_reverse", "output")
    return [h, *q.outside(h_n, c_n)], gradient, used
