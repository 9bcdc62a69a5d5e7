"""tanh: the hyperbolic tangent.

    y = (e^x - e^-x) / (e^x + e^-x)

Shapes    x (*), y (*): any shape. Integers give float32
Gradient  dx = dy (1 - y^2)
Source    NIST Digital Library of Mathematical Functions, section 4.28; LeCun et al., "Efficient BackProp", 1998,
          section 4.4, on why it is preferred to the logistic function
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import check_float
from ..op import empty_like, kernel, op


@kernel(writes="y")
def tanh_forward(x, y):
    for i in np.ndindex(x.shape):
        y[i] = math.tanh(x[i])


@kernel(writes="dx")
def tanh_backward(dy, y, dx):
    for i in np.ndindex(dy.shape):
        dx[i] = dy[i] * (1.0 - y[i] * y[i])


@tanh_forward.samples
def _(draw):
    x = draw.special(draw.shape())
    return {"x": x, "y": draw.out(x.shape)}


@tanh_backward.samples
def _(draw):
    y = draw.array(draw.shape(), -0.9, 0.9)
    return {"dy": draw.array(y.shape), "y": y, "dx": draw.out(y.shape)}


@op("input")
def tanh(input: Any) -> Any:
    """tanh(input), element by element. See the top of this file."""
    x = check_float("tanh", "input", input, integers=True)
    y = empty_like(x)
    tanh_forward(x, y)

    def gradient(dy, needs):
        dx = empty_like(y)
        tanh_backward(dy, y, dx)
        return dx

    return y, gradient, ("output",)
