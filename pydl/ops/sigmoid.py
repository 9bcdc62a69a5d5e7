"""sigmoid: the logistic function.

    y = 1 / (1 + e^-x)

For x < 0 it is computed as e^x / (1 + e^x), so that no exponential overflows.

Shapes    x (*), y (*): any shape. Integers give float32
Gradient  dx = dy y (1 - y)
Source    Rumelhart, Hinton, Williams, "Learning internal representations by error propagation", 1986;
          Nielsen, "Neural Networks and Deep Learning", chapter 1
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import check_float
from ..op import empty_like, kernel, op


@kernel(writes="y")
def sigmoid_forward(x, y):
    for i in np.ndindex(x.shape):
        e = math.exp(-abs(x[i]))
        y[i] = (1.0 if x[i] >= 0.0 else e) / (1.0 + e)


@kernel(writes="dx")
def sigmoid_backward(dy, y, dx):
    for i in np.ndindex(dy.shape):
        dx[i] = dy[i] * y[i] * (1.0 - y[i])


@sigmoid_forward.samples
def _(draw):
    x = draw.special(draw.shape())
    return {"x": x, "y": draw.out(x.shape)}


@sigmoid_backward.samples
def _(draw):
    y = draw.array(draw.shape(), 0.1, 0.9)
    return {"dy": draw.array(y.shape), "y": y, "dx": draw.out(y.shape)}


@op("input")
def sigmoid(input: Any) -> Any:
    """1 / (1 + e^-input), element by element. See the top of this file."""
    x = check_float("sigmoid", "input", input, integers=True)
    y = empty_like(x)
    sigmoid_forward(x, y)

    def gradient(dy, needs):
        dx = empty_like(y)
        sigmoid_backward(dy, y, dx)
        return dx

    return y, gradient, ("output",)
