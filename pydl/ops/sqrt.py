"""sqrt: the square root.

    y = the number y >= 0 with y^2 = x

Shapes    x (*), y (*): any shape. Integers give float32
Gradient  dx = dy / (2 y), infinite at x = 0
Special   the root of -0 is -0, that of a negative number NaN
Source    IEEE 754-2019, section 5.4.1 (squareRoot); the derivative of a power
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_float
from ..op import empty_like, kernel, op


@kernel(writes="y")
def sqrt_forward(x, y):
    for i in np.ndindex(x.shape):
        y[i] = np.sqrt(x[i])


@kernel(writes="dx")
def sqrt_backward(dy, y, dx):
    for i in np.ndindex(dy.shape):
        dx[i] = dy[i] / (2.0 * y[i])


@sqrt_forward.samples
def _(draw):
    x = draw.array(draw.shape(), 0.1, 5.0)
    return {"x": x, "y": draw.out(x.shape)}


@sqrt_backward.samples
def _(draw):
    y = draw.array(draw.shape(), 0.5, 2.0)
    return {"dy": draw.array(y.shape), "y": y, "dx": draw.out(y.shape)}


@op("input")
def sqrt(input: Any) -> Any:
    """The square root of input, element by element. See the top of this file."""
    x = check_float("sqrt", "input", input, integers=True)
    y = empty_like(x)
    sqrt_forward(x, y)

    def gradient(dy, needs):
        dx = empty_like(y)
        sqrt_backward(dy, y, dx)
        return dx

    return y, gradient, ("output",)
