"""mish: x times a gate that opens smoothly and lets a little of the negative side through.

    y = x tanh(ln(1 + e^x))

With e = e^x and n = e (e + 2) the gate is n / (n + 2), and its slope 4 e (1 + e) / (n + 2)^2.

Shapes    x (*), y (*): any shape
Gradient  dx = dy (gate + x slope)
Source    Misra, "Mish: a self regularized non-monotonic activation function", BMVC 2020
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import check_float
from ..op import empty_like, kernel, op


@kernel(writes="y")
def mish_forward(x, y):
    for i in np.ndindex(x.shape):
        y[i] = x[i] * math.tanh(math.log1p(math.exp(min(x[i], 20.0))))


@kernel(writes="dx")
def mish_backward(dy, x, dx):
    for i in np.ndindex(dy.shape):
        z = min(x[i], 20.0)  # beyond, the gate is 1 to the last digit
        gate, sigmoid = math.tanh(math.log1p(math.exp(z))), 1.0 / (1.0 + math.exp(-z))
        dx[i] = dy[i] * (gate + z * sigmoid * (1.0 - gate**2))


@mish_forward.samples
def _(draw):
    x = draw.array(draw.shape(), -30.0, 30.0)
    return {"x": x, "y": draw.out(x.shape)}


@mish_backward.samples
def _(draw):
    x = draw.array(draw.shape(), -30.0, 30.0)
    return {"dy": draw.array(x.shape), "x": x, "dx": draw.out(x.shape)}


@op("input")
def mish(input: Any) -> Any:
    """x * tanh(softplus(x)). See the top of this file."""
    x = check_float("mish", "input", input)
    y = empty_like(x)
    mish_forward(x, y)

    def gradient(dy, needs):
        dx = empty_like(x)
        mish_backward(dy, x, dx)
        return dx

    return y, gradient, ("input",)
