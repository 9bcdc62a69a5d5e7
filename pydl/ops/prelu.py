"""prelu: a rectified linear unit whose slope on the negative side is learned.

    y[n, c, ..] = x[n, c, ..]           where x > 0
    y[n, c, ..] = w[c] x[n, c, ..]      elsewhere

Shapes    x (N, C, *), or (C) or () with one slope; w (C), or (1) for all channels; y as x
Gradient  dx = dy where x > 0, else w dy; dw[c] = sum over n, .. of x dy where x <= 0
Source    He, Zhang, Ren, Sun, "Delving deep into rectifiers", ICCV 2015
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_floats
from ..op import empty_like, kernel, op
from .broadcasting import fit
from .minimum import minimum_forward
from .mul import mul_forward


@kernel(writes="y")
def prelu_forward(x, value, factor, y):
    """What y is made of, and with dy as value what dx is."""
    x, value, factor = (np.broadcast_to(each, y.shape) for each in (x, value, factor))
    for i in np.ndindex(y.shape):
        y[i] = value[i] if x[i] > 0 else factor[i] * value[i]


@prelu_forward.samples
def _(draw):
    factor, x, shape = draw.broadcast_pair()
    return {"x": x, "value": draw.array(shape), "factor": factor, "y": draw.out(shape)}


@op("input", "weight")
def prelu(input: Any, weight: Any) -> Any:
    """x where x > 0, else weight * x, with one weight or one for each channel. See the top of this file."""
    x, w = check_floats("prelu", input=input, weight=weight)
    C = x.shape[1] if x.ndim > 1 else 1
    if w.ndim > 1 or w.size not in (1, C):
        raise ValueError(
            f"prelu: weight has shape {w.shape} but must be (1,) or one number a channel (input {x.shape})"
        )
    slope = w.reshape(-1, *(1,) * (x.ndim - 2)) if w.size > 1 else w.reshape(())
    y = empty_like(x)
    prelu_forward(x, x, slope, y)

    def gradient(dy, needs):
        dx = dw = None
        if needs[0]:
            dx = empty_like(x)
            prelu_forward(x, dy, slope, dx)
        if needs[1]:
            parts = empty_like(x)
            minimum_forward(x, np.zeros((), x.dtype), parts)
            mul_forward(parts, dy, parts)
            dw = fit(parts, (slope.shape, x.dtype)).reshape(w.shape)
        return dx, dw

    return y, gradient, ("input", ("weight", 0))
