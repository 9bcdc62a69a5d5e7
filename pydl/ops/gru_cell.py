"""gru_cell: one step of the gated recurrent unit.

    r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)           reset gate: how much of the old the candidate sees
    z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)           update gate: how much of the old stays
    m = W_hn h + b_hn
    n = tanh(W_in x + b_in + r * m)                      the new, a candidate for the state
    h' = (1 - z) * n + z * h

The three weights of a kind lie one above the other: w_ih = [W_ir; W_iz; W_in], and so do the biases; gates holds
r, z, n and m.

Shapes    x (B, D), h h' (B, H), w_ih (3H, D), w_hh (3H, H), b_ih b_hh (3H), gates (B, 4H)
Gradient  with dh' the gradient that arrives:
              dn = dh' * (1 - z)    dz = dh' * (h - n)    dh = dh' * z
          through the gates,
              da_n = dn (1 - n^2)    da_m = da_n r    da_r = da_n m r (1 - r)    da_z = dz z (1 - z)
          and then, with da = (da_r, da_z, da_n) on the side of x and db = (da_r, da_z, da_m) on that of h,
              dx = da w_ih    dh += db w_hh    dw_ih = da^T x    dw_hh = db^T h
          and their sums over the batch for the biases
Source    Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine translation",
          EMNLP 2014; the reset after the product, order of the gates and two biases: PyTorch's torch.nn.GRUCell
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._compiled import fits_cell
from ..op import empty, kernel, op
from .lstm_cell import sigmoid
from .recurrent import check_cell, draw_cell, draw_cell_gradients
from .weight_gradient import WeightGradient


@kernel(writes="gates, h_next")
def gru_cell_forward(x, h, w_ih, w_hh, b_ih, b_hh, gates, h_next):
    B, D = x.shape
    H = h.shape[1]
    for n in range(B):
        for u in range(H):
            of_x, of_h = [0.0] * 3, [0.0] * 3
            for gate in range(3):
                j = gate * H + u
                of_x[gate] = sum(w_ih[j, k] * x[n, k] for k in range(D)) + (0.0 if b_ih is None else b_ih[j])
                of_h[gate] = sum(w_hh[j, k] * h[n, k] for k in range(H)) + (0.0 if b_hh is None else b_hh[j])
            r, z, m = sigmoid(of_x[0] + of_h[0]), sigmoid(of_x[1] + of_h[1]), of_h[2]
            new = math.tanh(of_x[2] + r * m)
            gates[n, u], gates[n, H + u], gates[n, 2 * H + u], gates[n, 3 * H + u] = r, z, new, m
            h_next[n, u] = (1.0 - z) * new + z * h[n, u]


@kernel(writes="dx, dh, da, db, db_ih, db_hh")
def gru_cell_backward(dh_next, h, w_ih, w_hh, gates, dx, dh, da, db, db_ih, db_hh):
    """dx, db_ih, db_hh are None where nobody needs them."""
    B, H = h.shape
    for n in range(B):
        for u in range(H):
            r, z, new, m = gates[n, u], gates[n, H + u], gates[n, 2 * H + u], gates[n, 3 * H + u]
            da_n = dh_next[n, u] * (1.0 - z) * (1.0 - new**2)
            da[n, u] = db[n, u] = da_n * m * r * (1.0 - r)
            da[n, H + u] = db[n, H + u] = dh_next[n, u] * (h[n, u] - new) * z * (1.0 - z)
            da[n, 2 * H + u], db[n, 2 * H + u] = da_n, da_n * r
    for n, k in np.ndindex(B, H):
        dh[n, k] = dh_next[n, k] * gates[n, H + k] + sum(db[n, j] * w_hh[j, k] for j in range(3 * H))
    if dx is not None:
        for n, k in np.ndindex(dx.shape):
            dx[n, k] = sum(da[n, j] * w_ih[j, k] for j in range(3 * H))
    for j in range(3 * H):
        if db_ih is not None:
            db_ih[j] = sum(da[n, j] for n in range(B))
        if db_hh is not None:
            db_hh[j] = sum(db[n, j] for n in range(B))


def _draw_cell(draw):
    drawn = draw_cell(draw, 3, "h")
    B, H = drawn["h"].shape
    return {**drawn, "gates": draw.out((B, 4 * H)), "h_next": draw.out((B, H))}


@gru_cell_forward.samples
def _(draw):
    return _draw_cell(draw)


@gru_cell_backward.samples
def _(draw):
    drawn = _draw_cell(draw)
    gru_cell_forward.run_reference(*drawn.values())
    kept = {name: drawn[name] for name in ("h", "w_ih", "w_hh", "gates")}
    results = draw_cell_gradients(draw, drawn, ("h",), ("da", "db"), ("db_ih", "db_hh"))
    return {"dh_next": draw.array(drawn["h"].shape), **kept, **results}


@op("input", "hx", "w_ih", "w_hh", "b_ih", "b_hh")
def gru_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    """h' of one step. See the top of this file.

    input (B, D), hx (B, H); w_ih (3H, D), w_hh (3H, H), b_ih and b_hh (3H) or None.
    Errors: TypeError for wrong dtypes; ValueError for shapes that do not fit each other.
    """
    states: Any = (hx,)
    x, weights = input, (w_ih, w_hh, b_ih, b_hh)
    if not fits_cell(3, states, x, *weights):
        *states, x, w_ih, w_hh, b_ih, b_hh = check_cell("gru_cell", 3, "hx", states, x, *weights)
    (h,) = states
    B, H = h.shape
    gates, h_next = empty((B, 4 * H), x.dtype), empty((B, H), x.dtype)
    gru_cell_forward(x, h, w_ih, w_hh, b_ih, b_hh, gates, h_next)

    def gradient(dy, needs):
        dx = empty(x.shape, x.dtype) if needs[0] else None
        dh, da, db = empty(h.shape, x.dtype), empty((B, 3 * H), x.dtype), empty((B, 3 * H), x.dtype)
        db_ih, db_hh = (empty((3 * H,), x.dtype) if need else None for need in needs[4:])
        gru_cell_backward(dy, h, w_ih, w_hh, gates, dx, dh, da, db, db_ih, db_hh)
        dw_ih = WeightGradient(da, x) if needs[2] else None
        dw_hh = WeightGradient(db, h) if needs[3] else None
        return dx, dh, dw_ih, dw_hh, db_ih, db_hh

    return h_next, gradient, ("input", "hx", "w_ih", "w_hh")
