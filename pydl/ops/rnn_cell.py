"""rnn_cell: one step of a plain recurrent network.

    h' = f(W_ih x + b_ih + W_hh h + b_hh)          f = tanh, or relu: max(0, a)

Shapes    x (B, D), h h' (B, H), w_ih (H, D), w_hh (H, H), b_ih b_hh (H)
Gradient  with dh' the gradient that arrives, da = dh' (1 - h'^2) for tanh, dh' where h' > 0 for relu, and then
              dx = da w_ih    dh = da w_hh    dw_ih = da^T x    dw_hh = da^T h    db = sum of da over the batch
Source    Elman, "Finding structure in time", Cognitive Science 14 (1990); two biases: PyTorch's torch.nn.RNNCell
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._compiled import fits_cell
from ..arguments import show
from ..op import empty, kernel, op
from .recurrent import check_cell, draw_cell, draw_cell_gradients
from .weight_gradient import WeightGradient

NONLINEARITIES = ("tanh", "relu")


@kernel(writes="h_next")
def rnn_cell_forward(x, h, w_ih, w_hh, b_ih, b_hh, relu, h_next):
    B, D = x.shape
    H = h.shape[1]
    for n, j in np.ndindex(B, H):
        a = sum(w_ih[j, k] * x[n, k] for k in range(D)) + sum(w_hh[j, k] * h[n, k] for k in range(H))
        a += 0.0 if b_ih is None else b_ih[j]
        a += 0.0 if b_hh is None else b_hh[j]
        h_next[n, j] = (0.0 if a <= 0.0 else a) if relu else math.tanh(a)


@kernel(writes="dx, dh, da, db")
def rnn_cell_backward(dh_next, w_ih, w_hh, relu, h_next, dx, dh, da, db):
    """dx, db are None where nobody needs them."""
    B, H = h_next.shape
    for n, j in np.ndindex(B, H):
        if relu:
            da[n, j] = 0.0 if h_next[n, j] <= 0.0 else dh_next[n, j]
        else:
            da[n, j] = dh_next[n, j] * (1.0 - h_next[n, j] ** 2)
    for n, k in np.ndindex(B, H):
        dh[n, k] = sum(da[n, j] * w_hh[j, k] for j in range(H))
    if dx is not None:
        for n, k in np.ndindex(dx.shape):
            dx[n, k] = sum(da[n, j] * w_ih[j, k] for j in range(H))
    if db is not None:
        for j in range(H):
            db[j] = sum(da[n, j] for n in range(B))


def _draw_cell(draw):
    drawn = draw_cell(draw, 1, "h")
    return {**drawn, "relu": draw.choice(True, False), "h_next": draw.out(drawn["h"].shape)}


@rnn_cell_forward.samples
def _(draw):
    return _draw_cell(draw)


@rnn_cell_backward.samples
def _(draw):
    drawn = _draw_cell(draw)
    rnn_cell_forward.run_reference(*drawn.values())
    kept = {name: drawn[name] for name in ("w_ih", "w_hh", "relu", "h_next")}
    results = draw_cell_gradients(draw, drawn, ("h",), ("da",), ("db",))
    return {"dh_next": draw.array(drawn["h"].shape), **kept, **results}


@op("input", "hx", "w_ih", "w_hh", "b_ih", "b_hh")
def rnn_cell(
    input: Any,
    hx: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih: Any = None,
    b_hh: Any = None,
    nonlinearity: str = "tanh",
) -> Any:
    """h' of one step. See the top of this file.

    input (B, D), hx (B, H); w_ih (H, D), w_hh (H, H), b_ih and b_hh (H) or None; nonlinearity "tanh" or "relu".
    Errors: TypeError for wrong dtypes; ValueError for another nonlinearity, shapes that do not fit each other.
    """
    relu = is_relu("rnn_cell", nonlinearity)
    states: Any = (hx,)
    x, weights = input, (w_ih, w_hh, b_ih, b_hh)
    if not fits_cell(1, states, x, *weights):
        *states, x, w_ih, w_hh, b_ih, b_hh = check_cell("rnn_cell", 1, "hx", states, x, *weights)
    (h,) = states
    h_next = empty(h.shape, x.dtype)
    rnn_cell_forward(x, h, w_ih, w_hh, b_ih, b_hh, relu, h_next)

    def gradient(dy, needs):
        dx = empty(x.shape, x.dtype) if needs[0] else None
        dh, da = empty(h.shape, x.dtype), empty(h.shape, x.dtype)
        db = empty(w_hh.shape[:1], x.dtype) if needs[4] or needs[5] else None
        rnn_cell_backward(dy, w_ih, w_hh, relu, h_next, dx, dh, da, db)
        dw_ih = WeightGradient(da, x) if needs[2] else None
        dw_hh = WeightGradient(da, h) if needs[3] else None
        return dx, dh, dw_ih, dw_hh, db, db

    return h_next, gradient, ("input", "hx", "w_ih", "w_hh", "output")


def is_relu(name: str, nonlinearity: Any) -> bool:
    """Whether the nonlinearity is relu; refuses what is neither that nor tanh."""
    if not isinstance(nonlinearity, str) or nonlinearity not in NONLINEARITIES:
        raise ValueError(f"{name}: nonlinearity must be 'tanh' or 'relu', not {show(nonlinearity)}")
    return bool(nonlinearity == "relu")
