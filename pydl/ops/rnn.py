"""rnn: a plain recurrent network over whole sequences, one layer in one direction or in both.

    h_t = rnn_cell(x_t, h_(t-1))        t = 0 ... length - 1, from the given h_(-1)

Directions, lengths and padding are as in lstm.py.

Shapes    x (T, B, D), lengths (B); of N directions h0 h_n (N, B, H), h (T, B, N H); of each of them w_ih (H, D),
          w_hh (H, H), b_ih b_hh (H)
Gradient  back-propagation through time: the gradient of rnn_cell step by step in the opposite order, dh_t of a step
          being the sum of what arrives from its result and from the step after it; those of the weights summed over t
Source    Elman, "Finding structure in time", Cognitive Science 14 (1990);
          Werbos, "Backpropagation through time: what it does and how to do it", Proc. IEEE 78 (1990)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._compiled import TensorBase
from ..arguments import check_flag, check_floats
from ..op import empty, kernel, op
from ..tensor import Tensor
from .recurrent import (
    ALL_WEIGHTS,
    OPTIONAL,
    Sequences,
    by_direction,
    draw_gradients,
    draw_sequence,
    masked,
    runs_backwards,
    steps,
)
from .rnn_cell import is_relu, rnn_cell_backward, rnn_cell_forward


@kernel(writes="h, h_n")
def rnn_forward(x, h0, w_ih, w_hh, b_ih, b_hh, lengths, reverse, mask, relu, h, h_n):
    N, B, H = h0.shape
    h_n[...] = h0
    for d, n in np.ndindex(N, B):
        s, units = slice(n, n + 1), slice(d * H, (d + 1) * H)
        weights = w_ih[d], masked(w_hh[d], mask, d, n), b_ih[d] if b_ih else None, b_hh[d] if b_hh else None
        for t in steps(len(x), lengths, n, runs_backwards(d, reverse)):
            rnn_cell_forward.reference(x[t, s], h_n[d, s].copy(), *weights, relu, h[t, s, units])
            h_n[d, n] = h[t, n, units]
        if lengths is not None:
            h[lengths[n] :, n, units] = 0.0


@kernel(writes="dx, dh0, dw_ih, dw_hh, db")
def rnn_backward(dh, dh_n, x, h0, w_ih, w_hh, lengths, reverse, mask, relu, h, dx, dh0, dw_ih, dw_hh, db):
    """dh, dh_n are None where no gradient arrived; dx, dh0 are None and the others empty where nobody needs them."""
    T, _, D = x.shape
    N, B, H = h0.shape
    for total in (dx, *dw_ih, *dw_hh, *db):
        if total is not None:
            total[...] = 0.0
    for d, n in np.ndindex(N, B):
        s, units = slice(n, n + 1), slice(d * H, (d + 1) * H)
        dh_t = np.zeros((1, H)) if dh_n is None else dh_n[d, s].copy()
        order = steps(T, lengths, n, runs_backwards(d, reverse))
        for t in reversed(order):
            h_before = h0[d, s] if t == order[0] else h[t - order.step, s, units]
            if dh is not None:
                dh_t = dh_t + dh[t, s, units]
            dx_t, dh_before, da_t = (np.zeros((1, k)) for k in (D, H, H))
            rnn_cell_backward.reference(
                dh_t, w_ih[d], masked(w_hh[d], mask, d, n), relu, h[t, s, units], dx_t, dh_before, da_t, None
            )
            dh_t = dh_before
            dw_ih_t, dw_hh_t = da_t.T * x[t, s], masked(da_t.T * h_before, mask, d, n)
            if dx is not None:
                dx[t, n] += dx_t[0]
            for total, part in ((dw_ih, dw_ih_t), (dw_hh, dw_hh_t), (db, da_t[0])):
                if total:
                    total[d] += part
        if dh0 is not None:
            dh0[d, n] = dh_t[0]


def _draw_rnn(draw):
    drawn = draw_sequence(draw, 1)
    T, B, _ = drawn["x"].shape
    N, _, H = drawn["h0"].shape
    return {**drawn, "relu": draw.choice(True, False), "h": draw.out((T, B, N * H)), "h_n": draw.out((N, B, H))}


@rnn_forward.samples
def _(draw):
    return _draw_rnn(draw)


@rnn_backward.samples
def _(draw):
    drawn = _draw_rnn(draw)
    rnn_forward.run_reference(*drawn.values())
    kept = {name: drawn[name] for name in ("x", "h0", "w_ih", "w_hh", "lengths", "reverse", "mask", "relu", "h")}
    arrived = {f"d{name}": draw.array(drawn[name].shape) if draw.choice(True, False) else None for name in ("h", "h_n")}
    return {**arrived, **kept, **draw_gradients(draw, drawn, ("h0",), ("db",))}


def rnn(
    input: Any,
    hx: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih: Any = None,
    b_hh: Any = None,
    lengths: Any = None,
    reverse: bool = False,
    nonlinearity: str = "tanh",
    mask: Any = None,
) -> tuple[Tensor, Tensor]:
    """(h, h_n) of one layer over the sequences `input`. See the top of this file.

    input (T, B, D); hx = h_0 (B, H); w_ih (H, D), w_hh (H, H), b_ih and b_hh (H) or None; lengths: B integers from 0
    to T, or None; nonlinearity "tanh" or "relu". In both directions at once: each of w_ih, w_hh, b_ih, b_hh a pair of
    arrays, h_0 (2, B, H); h is then (T, B, 2H). mask (B, H) or (2, B, H): what h_(t-1) is multiplied with on its way to
    W_hh, an array without gradient. Several layers: pydl.nn.RNN.
    Errors: TypeError for wrong dtypes, lengths that are no integers; ValueError for another nonlinearity, shapes that
    do not fit each other, lengths out of range.
    """
    reverse = check_flag("rnn", "reverse", reverse)
    tensors: tuple[Any, ...] = (input, hx, *by_direction("rnn", reverse, w_ih, w_hh, b_ih, b_hh))
    lengths, mask = (each.data if isinstance(each, TensorBase) else each for each in (lengths, mask))
    results: tuple[Tensor, Tensor] = _rnn(*(*tensors, lengths, reverse, mask, is_relu("rnn", nonlinearity)))
    return results


@op("input", "h0", *ALL_WEIGHTS, several=True)
def _rnn(
    input, h0, w_ih, w_hh, b_ih, b_hh, w_ih_reverse, w_hh_reverse, b_ih_reverse, b_hh_reverse,
    lengths, reverse, mask, relu,
):  # fmt: skip
    weights: list[Any] = [w_ih, w_hh, b_ih, b_hh, w_ih_reverse, w_hh_reverse, b_ih_reverse, b_hh_reverse]
    named = dict(zip(ALL_WEIGHTS, weights, strict=True))
    x, h0, *weights = check_floats("rnn", OPTIONAL, input=input, h_0=h0, **named)
    q = Sequences("rnn", 1, x, {"hx": h0}, weights, lengths, mask)
    h, h_n = q.results(), q.state()
    rnn_forward(x, *q.states, q.w_ih, q.w_hh, q.b_ih, q.b_hh, q.lengths, reverse, q.mask, relu, h, h_n)

    def gradient(dys, needs):
        dx = empty(x.shape, x.dtype) if needs[0] else None
        dh0 = q.state() if needs[1] else None
        dw_ih, dw_hh = q.gradients_like(needs[2::4], q.w_ih), q.gradients_like(needs[3::4], q.w_hh)
        db = q.gradients_like(needs[4::4] + needs[5::4], q.b_ih or q.b_hh)
        kept = (x, *q.states, q.w_ih, q.w_hh, q.lengths, reverse, q.mask, relu, h)
        rnn_backward(dys[0], q.inside(dys[1]), *kept, dx, dh0, dw_ih, dw_hh, db)
        return dx, *q.outside(dh0), *q.by_argument(dw_ih, dw_hh, db, db)

    return [h, *q.outside(h_n)], gradient, ("input", "h0", "w_ih", "w_hh", "w_ih_reverse", "w_hh_reverse", "output")
