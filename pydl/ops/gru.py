"""gru: gated recurrent units over whole sequences, one layer in one direction or in both.

    h_t = gru_cell(x_t, h_(t-1))        t = 0 ... length - 1, from the given h_(-1)

Directions, lengths and padding are as in lstm.py.

Shapes    x (T, B, D), lengths (B); of N directions h0 h_n (N, B, H), h (T, B, N H), gates (N, T, B, 4H): r, z, n, m;
          of each of them w_ih (3H, D), w_hh (3H, H), b_ih b_hh (3H)
Gradient  back-propagation through time: the gradient of gru_cell step by step in the opposite order, dh_t of a step
          being the sum of what arrives from its result and from the step after it; those of the weights summed over t
Source    Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine translation",
          EMNLP 2014; Werbos, "Backpropagation through time: what it does and how to do it", Proc. IEEE 78 (1990)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._compiled import TensorBase, is_grad_enabled
from ..arguments import check_flag, check_floats
from ..op import empty, kernel, op
from ..tensor import Tensor
from .gru_cell import gru_cell_backward, gru_cell_forward
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


@kernel(writes="gates, h, h_n")
def gru_forward(x, h0, w_ih, w_hh, b_ih, b_hh, lengths, reverse, mask, gates, h, h_n):
    """gates is what the gradient will need; None, if nobody will ask for it."""
    N, B, H = h0.shape
    T = len(x)
    gates = np.empty((N, T, B, 4 * H)) if gates is None else gates
    h_n[...] = h0
    for d, n in np.ndindex(N, B):
        s, units = slice(n, n + 1), slice(d * H, (d + 1) * H)
        weights = w_ih[d], masked(w_hh[d], mask, d, n), b_ih[d] if b_ih else None, b_hh[d] if b_hh else None
        for t in steps(T, lengths, n, runs_backwards(d, reverse)):
            gru_cell_forward.reference(x[t, s], h_n[d, s].copy(), *weights, gates[d, t, s], h[t, s, units])
            h_n[d, n] = h[t, n, units]
        if lengths is not None:
            gates[d, lengths[n] :, n] = h[lengths[n] :, n, units] = 0.0


@kernel(writes="dx, dh0, dw_ih, dw_hh, db_ih, db_hh")
def gru_backward(dh, dh_n, x, h0, w_ih, w_hh, lengths, reverse, mask, gates, h, dx, dh0, dw_ih, dw_hh, db_ih, db_hh):
    """dh, dh_n are None where no gradient arrived; dx, dh0 are None and the others empty where nobody needs them."""
    T, _, D = x.shape
    N, B, H = h0.shape
    for total in (dx, *dw_ih, *dw_hh, *db_ih, *db_hh):
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
            dx_t, dh_before, da_t, db_t = (np.zeros((1, k)) for k in (D, H, 3 * H, 3 * H))
            gru_cell_backward.reference(
                dh_t, h_before, w_ih[d], masked(w_hh[d], mask, d, n), gates[d, t, s],
                dx_t, dh_before, da_t, db_t, None, None,
            )  # fmt: skip
            dh_t = dh_before
            dw_ih_t, dw_hh_t = da_t.T * x[t, s], masked(db_t.T * h_before, mask, d, n)
            if dx is not None:
                dx[t, n] += dx_t[0]
            for total, part in ((dw_ih, dw_ih_t), (dw_hh, dw_hh_t), (db_ih, da_t[0]), (db_hh, db_t[0])):
                if total:
                    total[d] += part
        if dh0 is not None:
            dh0[d, n] = dh_t[0]


def _draw_gru(draw):
    drawn = draw_sequence(draw, 3)
    T, B, _ = drawn["x"].shape
    N, _, H = drawn["h0"].shape
    return {
        **drawn,
        "gates": draw.out((N, T, B, 4 * H)) if draw.choice(True, False) else None,
        "h": draw.out((T, B, N * H)),
        "h_n": draw.out((N, B, H)),
    }


@gru_forward.samples
def _(draw):
    return _draw_gru(draw)


@gru_backward.samples
def _(draw):
    drawn = _draw_gru(draw)
    N, B, H = drawn["h0"].shape
    drawn["gates"] = draw.out((N, len(drawn["x"]), B, 4 * H))
    gru_forward.run_reference(*drawn.values())
    kept = {name: drawn[name] for name in ("x", "h0", "w_ih", "w_hh", "lengths", "reverse", "mask", "gates", "h")}
    arrived = {f"d{name}": draw.array(drawn[name].shape) if draw.choice(True, False) else None for name in ("h", "h_n")}
    return {**arrived, **kept, **draw_gradients(draw, drawn, ("h0",), ("db_ih", "db_hh"))}


def gru(
    input: Any,
    hx: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih: Any = None,
    b_hh: Any = None,
    lengths: Any = None,
    reverse: bool = False,
    mask: Any = None,
) -> tuple[Tensor, Tensor]:
    """(h, h_n) of one layer over the sequences `input`. See the top of this file.

    input (T, B, D); hx = h_0 (B, H); w_ih (3H, D), w_hh (3H, H), b_ih and b_hh (3H) or None; lengths: B integers from
    0 to T, or None. In both directions at once: each of w_ih, w_hh, b_ih, b_hh a pair of arrays, h_0 (2, B, H); h is
    then (T, B, 2H). mask (B, H) or (2, B, H): what h_(t-1) is multiplied with on its way to W_hh, an array without
    gradient. Several layers: pydl.nn.GRU.
    Errors: TypeError for wrong dtypes, lengths that are no integers; ValueError for shapes that do not fit each other,
    lengths out of range.
    """
    reverse = check_flag("gru", "reverse", reverse)
    tensors: tuple[Any, ...] = (input, hx, *by_direction("gru", reverse, w_ih, w_hh, b_ih, b_hh))
    records = is_grad_enabled() and any(isinstance(t, TensorBase) and t.requires_grad for t in tensors)
    lengths, mask = (each.data if isinstance(each, TensorBase) else each for each in (lengths, mask))
    results: tuple[Tensor, Tensor] = _gru(*(*tensors, lengths, reverse, mask, records))
    return results


@op("input", "h0", *ALL_WEIGHTS, several=True)
def _gru(
    input, h0, w_ih, w_hh, b_ih, b_hh, w_ih_reverse, w_hh_reverse, b_ih_reverse, b_hh_reverse,
    lengths, reverse, mask, records,
):  # fmt: skip
    weights: list[Any] = [w_ih, w_hh, b_ih, b_hh, w_ih_reverse, w_hh_reverse, b_ih_reverse, b_hh_reverse]
    named = dict(zip(ALL_WEIGHTS, weights, strict=True))
    x, h0, *weights = check_floats("gru", OPTIONAL, input=input, h_0=h0, **named)
    q = Sequences("gru", 3, x, {"hx": h0}, weights, lengths, mask)
    h, h_n = q.results(), q.state()
    gates = empty((q.N, q.T, q.B, 4 * q.H), x.dtype) if records else None
    gru_forward(x, *q.states, q.w_ih, q.w_hh, q.b_ih, q.b_hh, q.lengths, reverse, q.mask, gates, h, h_n)

    def gradient(dys, needs):
        dx = empty(x.shape, x.dtype) if needs[0] else None
        dh0 = q.state() if needs[1] else None
        dw = [q.gradients_like(needs[2 + k :: 4], w) for k, w in enumerate((q.w_ih, q.w_hh, q.b_ih, q.b_hh))]
        kept = (x, *q.states, q.w_ih, q.w_hh, q.lengths, reverse, q.mask, gates, h)
        gru_backward(dys[0], q.inside(dys[1]), *kept, dx, dh0, *dw)
        return dx, *q.outside(dh0), *q.by_argument(*dw)

    return [h, *q.outside(h_n)], gradient, ("input", "h0", "w_ih", "w_hh", "w_ih_reverse", "w_hh_reverse", "output")
