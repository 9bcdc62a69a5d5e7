"""lstm_cell: one step of the long short-term memory.

    i = sigmoid(W_ii x + b_ii + W_hi h + b_hi)      input gate: how much of the new goes in
    f = sigmoid(W_if x + b_if + W_hf h + b_hf)      forget gate: how much of the old stays
    g = tanh   (W_ig x + b_ig + W_hg h + b_hg)      the new, a candidate for the cell
    o = sigmoid(W_io x + b_io + W_ho h + b_ho)      output gate: how much of the cell shows
    c' = f * c + i * g
    h' = o * tanh(c')

The four weights of a kind lie one above the other: w_ih = [W_ii; W_if; W_ig; W_io], and so do the biases and `gates`.

Shapes    x (B, D), h c h' c' (B, H), w_ih (4H, D), w_hh (4H, H), b_ih b_hh (4H), gates (B, 4H)
Gradient  with dc' the gradient that arrives at c' and dh' the one at h':
              do = dh' * tanh(c')        dc' += dh' * o * (1 - tanh(c')^2)
              di = dc' * g    df = dc' * c    dg = dc' * i    dc = dc' * f
          through the gates, da = (di i (1 - i), df f (1 - f), dg (1 - g^2), do o (1 - o)), and then
              dx = da w_ih    dh = da w_hh    dw_ih = da^T x    dw_hh = da^T h    db = sum of da over the batch
Source    Hochreiter, Schmidhuber, "Long short-term memory", Neural Computation 9 (1997);
          Gers, Schmidhuber, Cummins, "Learning to forget", Neural Computation 12 (2000): the forget gate;
          order of the gates and two biases: PyTorch's torch.nn.LSTMCell
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._compiled import fits_cell
from ..op import empty, kernel, op
from ..tensor import Tensor
from .recurrent import check_cell, check_pair, draw_cell, draw_cell_gradients
from .weight_gradient import WeightGradient


@kernel(writes="gates, h_next, c_next")
def lstm_cell_forward(x, h, c, w_ih, w_hh, b_ih, b_hh, gates, h_next, c_next):
    B, D = x.shape
    H = h.shape[1]
    for n in range(B):
        for j in range(4 * H):
            a = sum(w_ih[j, k] * x[n, k] for k in range(D)) + sum(w_hh[j, k] * h[n, k] for k in range(H))
            a += 0.0 if b_ih is None else b_ih[j]
            a += 0.0 if b_hh is None else b_hh[j]
            gates[n, j] = math.tanh(a) if 2 * H <= j < 3 * H else sigmoid(a)
        for u in range(H):
            i, f, g, o = gates[n, u], gates[n, H + u], gates[n, 2 * H + u], gates[n, 3 * H + u]
            c_next[n, u] = f * c[n, u] + i * g
            h_next[n, u] = o * math.tanh(c_next[n, u])


def sigmoid(a):
    e = math.exp(-abs(a))  # never overflows
    return e / (1.0 + e) if a < 0.0 else 1.0 / (1.0 + e)


@kernel(writes="dx, dh, dc, da, db")
def lstm_cell_backward(dh_next, dc_next, c, w_ih, w_hh, gates, c_next, dx, dh, dc, da, db):
    """dh_next, dc_next are None where no gradient arrived; dx, db where nobody needs them."""
    B, H = c.shape
    for n in range(B):
        for u in range(H):
            i, f, g, o = gates[n, u], gates[n, H + u], gates[n, 2 * H + u], gates[n, 3 * H + u]
            dh_u = 0.0 if dh_next is None else dh_next[n, u]
            dc_u = 0.0 if dc_next is None else dc_next[n, u]
            squashed = math.tanh(c_next[n, u])
            dc_u += dh_u * o * (1.0 - squashed**2)
            da[n, u] = dc_u * g * i * (1.0 - i)
            da[n, H + u] = dc_u * c[n, u] * f * (1.0 - f)
            da[n, 2 * H + u] = dc_u * i * (1.0 - g**2)
            da[n, 3 * H + u] = dh_u * squashed * o * (1.0 - o)
            dc[n, u] = dc_u * f
    for n, k in np.ndindex(B, H):
        dh[n, k] = sum(da[n, j] * w_hh[j, k] for j in range(4 * H))
    if dx is not None:
        for n, k in np.ndindex(dx.shape):
            dx[n, k] = sum(da[n, j] * w_ih[j, k] for j in range(4 * H))
    if db is not None:
        for j in range(4 * H):
            db[j] = sum(da[n, j] for n in range(B))


def _draw_cell(draw):
    drawn = draw_cell(draw, 4, "h", "c")
    B, H = drawn["h"].shape
    return {**drawn, "gates": draw.out((B, 4 * H)), "h_next": draw.out((B, H)), "c_next": draw.out((B, H))}


@lstm_cell_forward.samples
def _(draw):
    return _draw_cell(draw)


@lstm_cell_backward.samples
def _(draw):
    drawn = _draw_cell(draw)
    lstm_cell_forward.run_reference(*drawn.values())
    kept = {name: drawn[name] for name in ("c", "w_ih", "w_hh", "gates", "c_next")}
    arrived = {f"d{name}_next": draw.array(drawn["h"].shape) if draw.choice(True, False) else None for name in "hc"}
    return {**arrived, **kept, **draw_cell_gradients(draw, drawn, ("h", "c"), ("da",), ("db",))}


def lstm_cell(
    input: Any, hx: tuple[Any, Any], w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None
) -> tuple[Tensor, Tensor]:
    """(h', c') of one step from the state hx = (h, c). See the top of this file.

    input (B, D), h and c (B, H), w_ih (4H, D), w_hh (4H, H), b_ih and b_hh (4H) or None.
    Errors: TypeError for hx that is no pair or wrong dtypes, ValueError for shapes that do not fit each other.
    """
    h, c = check_pair("lstm_cell", hx)
    results: tuple[Tensor, Tensor] = _lstm_cell(input, h, c, w_ih, w_hh, b_ih, b_hh)
    return results


@op("input", "h", "c", "w_ih", "w_hh", "b_ih", "b_hh", several=True)
def _lstm_cell(input, h, c, w_ih, w_hh, b_ih, b_hh):
    states: Any = (h, c)
    x, weights = input, (w_ih, w_hh, b_ih, b_hh)
    if not fits_cell(4, states, x, *weights):
        *states, x, w_ih, w_hh, b_ih, b_hh = check_cell("lstm_cell", 4, "h c", states, x, *weights)
    h, c = states
    B, H = h.shape
    gates, h_next, c_next = empty((B, 4 * H), x.dtype), empty((B, H), x.dtype), empty((B, H), x.dtype)
    lstm_cell_forward(x, h, c, w_ih, w_hh, b_ih, b_hh, gates, h_next, c_next)

    def gradient(dys, needs):
        dx = empty(x.shape, x.dtype) if needs[0] else None
        dh, dc, da = empty(h.shape, x.dtype), empty(c.shape, x.dtype), empty(gates.shape, x.dtype)
        db = empty((4 * H,), x.dtype) if needs[5] or needs[6] else None
        lstm_cell_backward(*dys, c, w_ih, w_hh, gates, c_next, dx, dh, dc, da, db)
        dw_ih = WeightGradient(da, x) if needs[3] else None
        dw_hh = WeightGradient(da, h) if needs[4] else None
        return dx, dh, dc, dw_ih, dw_hh, db, db

    return [h_next, c_next], gradient, ("input", "h", "c", "w_ih", "w_hh", "output")
