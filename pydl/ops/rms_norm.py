"""rms_norm: every row divided by the root of its mean square, then scaled by learned numbers.

    y[r, d] = x[r, d] * rstd[r] * weight[d],   rstd[r] = 1 / sqrt(mean over d of x[r, d]^2 + eps)

layer_norm without mean and bias.

Shapes    x (*, D...), y like x; D... are the dimensions normalized_shape, which weight has. Kernels see x as (R, D).
Gradient  with xhat = x rstd and g = dy weight:  dx = rstd (g - xhat (sum of g xhat) / D),
          dweight[d] = sum over r of dy xhat
Source    Zhang, Sennrich, "Root mean square layer normalization", NeurIPS 2019
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_floats
from ..op import empty, kernel, op
from .batch_norm import check_eps
from .layer_norm import as_rows, check_rows, draw_rows


@kernel(writes="y, rstd")
def rms_norm_forward(x, weight, eps, y, rstd):
    """weight may be None."""
    R, D = x.shape
    for r in range(R if D else 0):
        rstd[r] = 1.0 / np.sqrt(sum(x[r] ** 2) / D + eps)
        for d in range(D):
            y[r, d] = x[r, d] * rstd[r] * (1.0 if weight is None else weight[d])


@kernel(writes="dx, dweight")
def rms_norm_backward(dy, x, weight, rstd, dx, dweight):
    """dx and dweight are None where nobody needs them."""
    R, D = x.shape
    if dweight is not None:
        dweight[...] = 0.0
    for r in range(R):
        dot = 0.0
        for d in range(D):
            dot += dy[r, d] * (1.0 if weight is None else weight[d]) * x[r, d] * rstd[r]
            if dweight is not None:
                dweight[d] += dy[r, d] * x[r, d] * rstd[r]
        for d in range(D if dx is not None else 0):
            g = dy[r, d] * (1.0 if weight is None else weight[d])
            dx[r, d] = rstd[r] * (g - x[r, d] * rstd[r] * dot / D)


@rms_norm_forward.samples
def _(draw):
    x = draw_rows(draw)
    R, D = x.shape
    rstd = draw.out((R,)) if D else np.zeros(R, x.dtype)
    weight = draw.choice(None, draw.array((D,), 0.5, 2.0))
    return {"x": x, "weight": weight, "eps": 1e-5, "y": draw.out(x.shape), "rstd": rstd}


@rms_norm_backward.samples
def _(draw):
    x = draw_rows(draw)
    R, D = x.shape
    rstd = draw.array((R,), 0.5, 2.0)
    rstd[np.isinf(x).any(1)] = 0.0  # as forward has it; an infinity that counted would meet denormals taken for 0
    return {
        "dy": draw.array(x.shape),
        "x": x,
        "weight": draw.choice(None, draw.array((D,), 0.5, 2.0)),
        "rstd": rstd,
        "dx": draw.choice(None, draw.out(x.shape), draw.out(x.shape)),
        "dweight": draw.choice(None, draw.out((D,))),
    }


@op("input", "weight")
def rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Any:
    """input over the root of the mean square of its last dimensions, which normalized_shape names.

    eps: None for the distance from 1 to the next number of the dtype. Errors: as in layer_norm.
    """
    x, w = check_floats("rms_norm", ("weight",), input=input, weight=weight)
    R, D = check_rows("rms_norm", x.shape, normalized_shape, None if w is None else w.shape)
    eps = float(np.finfo(x.dtype).eps) if eps is None else check_eps("rms_norm", eps)
    rows = as_rows(x, R, D)
    flat = None if w is None else w.reshape(D)
    y, rstd = empty(x.shape, x.dtype), empty((R,), x.dtype)
    rms_norm_forward(rows, flat, eps, y.reshape(R, D), rstd)

    def gradient(dy, needs):
        dx = empty((R, D), x.dtype) if needs[0] else None
        dw = empty((D,), x.dtype) if needs[1] else None
        rms_norm_backward(as_rows(dy, R, D), rows, flat, rstd, dx, dw)
        return None if dx is None else dx.reshape(x.shape), None if dw is None else dw.reshape(w.shape)

    return y, gradient, ("input", ("weight", 0))
