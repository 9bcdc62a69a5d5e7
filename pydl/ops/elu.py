"""elu: the exponential linear unit.

    y = x                  where x > 0
    y = alpha (e^x - 1)    elsewhere

Shapes    x (*), y (*): any shape
Gradient  dx = dy where x > 0, else alpha e^x dy
Source    Clevert, Unterthiner, Hochreiter, "Fast and accurate deep network learning by exponential linear units
          (ELUs)", ICLR 2016
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import check_float, check_number
from ..op import empty, kernel, op


@kernel(writes="y")
def elu_forward(x, alpha, y):
    for i in np.ndindex(x.shape):
        y[i] = x[i] if x[i] > 0.0 else alpha * math.expm1(x[i])


@kernel(writes="dx")
def elu_backward(dy, x, alpha, dx):
    for i in np.ndindex(dy.shape):
        dx[i] = dy[i] if x[i] > 0.0 else alpha * math.exp(x[i]) * dy[i]


@elu_forward.samples
def _(draw):
    x = draw.special(draw.shape())
    return {"x": x, "alpha": draw.choice(1.0, 0.25), "y": draw.out(x.shape)}


@elu_backward.samples
def _(draw):
    x = draw.array(draw.shape())
    return {"dy": draw.array(x.shape), "x": x, "alpha": draw.choice(1.0, 0.25), "dx": draw.out(x.shape)}


@op("input")
def elu(input: Any, alpha: float = 1.0) -> Any:
    """x where x > 0, else alpha * (e^x - 1). See the top of this file."""
    x = check_float("elu", "input", input)
    alpha = check_number("elu", "alpha", alpha)
    y = empty(x.shape, x.dtype)
    elu_forward(x, alpha, y)

    def gradient(dy, needs):
        dx = empty(dy.shape, dy.dtype)
        elu_backward(dy, x, alpha, dx)
        return dx

    return y, gradient, ("input",)
