"""gelu: the Gaussian error linear unit.

    y = x P(X <= x) for X ~ N(0, 1)
      = x (1 + erf(x / sqrt 2)) / 2                                     approximate="none"
      ~ x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2               approximate="tanh"

Shapes    x (*), y (*): any shape
Gradient  dx = dy (P(X <= x) + x p(x)) with the density p(x) = e^(-x^2 / 2) / sqrt(2 pi); for "tanh" that of the formula
Source    Hendrycks, Gimpel, "Gaussian error linear units (GELUs)", arXiv:1606.08415 (2016)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import check_float, show
from ..op import empty_like, kernel, op

SLOPE = math.sqrt(2.0 / math.pi)


@kernel(writes="y")
def gelu_forward(x, tanh, y):
    for i in np.ndindex(x.shape):
        if tanh:
            y[i] = 0.5 * x[i] * (1.0 + math.tanh(SLOPE * (x[i] + 0.044715 * x[i] ** 3)))
        else:
            y[i] = 0.5 * x[i] * (1.0 + math.erf(x[i] / math.sqrt(2.0)))


@kernel(writes="dx")
def gelu_backward(dy, x, tanh, dx):
    for i in np.ndindex(x.shape):
        if tanh:
            t = math.tanh(SLOPE * (x[i] + 0.044715 * x[i] ** 3))
            dt = (1.0 - t * t) * SLOPE * (1.0 + 3.0 * 0.044715 * x[i] ** 2)
            dx[i] = dy[i] * 0.5 * (1.0 + t + x[i] * dt)
        else:
            density = math.exp(-0.5 * x[i] * x[i]) / math.sqrt(2.0 * math.pi)
            dx[i] = dy[i] * (0.5 * (1.0 + math.erf(x[i] / math.sqrt(2.0))) + x[i] * density)


@gelu_forward.samples
def _(draw):
    x = draw.array(draw.shape())
    return {"x": x, "tanh": draw.choice(True, False), "y": draw.out(x.shape)}


@gelu_backward.samples
def _(draw):
    x = draw.array(draw.shape())
    return {"dy": draw.array(x.shape), "x": x, "tanh": draw.choice(True, False), "dx": draw.out(x.shape)}


@op("input")
def gelu(input: Any, approximate: str = "none") -> Any:
    """input * P(X <= input) for X ~ N(0, 1). approximate: "none" or "tanh". See the top of this file."""
    x = check_float("gelu", "input", input)
    if not isinstance(approximate, str) or approximate not in ("none", "tanh"):
        raise ValueError(f"gelu: approximate must be 'none' or 'tanh', not {show(approximate)}")
    tanh = approximate == "tanh"
    y = empty_like(x)
    gelu_forward(x, tanh, y)

    def gradient(dy, needs):
        dx = empty_like(x)
        gelu_backward(dy, x, tanh, dx)
        return dx

    return y, gradient, ("input",)
