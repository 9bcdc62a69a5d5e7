"""square: the second power.

    y = x^2

Shapes    x (*), y (*): any shape
Gradient  dx = 2 x dy
Source    IEEE 754-2019, section 5.4.1 (multiplication); the derivative of a power
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_array
from ..op import empty_like, kernel, op


@kernel(writes="y")
def square_forward(x, y):
    for i in np.ndindex(x.shape):
        y[i] = x[i] * x[i]


@kernel(writes="dx")
def square_backward(dy, x, dx):
    for i in np.ndindex(dy.shape):
        dx[i] = 2.0 * x[i] * dy[i]


@square_forward.samples
def _(draw):
    x = draw.array(draw.shape())
    return {"x": x, "y": draw.out(x.shape)}


@square_backward.samples
def _(draw):
    x = draw.array(draw.shape())
    return {"dy": draw.array(x.shape), "x": x, "dx": draw.out(x.shape)}


@op("input")
def square(input: Any) -> Any:
    """input^2, element by element. See the top of this file."""
    x = check_array("square", "input", input)
    if x.dtype.kind == "b":
        x = x.astype(np.int64)
    y = empty_like(x)
    if x.dtype.kind in "iu":
        return np.square(x, out=y)
    square_forward(x, y)

    def gradient(dy, needs):
        dx = empty_like(x)
        square_backward(dy, x, dx)
        return dx

    return y, gradient, ("input",)
