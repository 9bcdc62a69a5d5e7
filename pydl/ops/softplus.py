"""softplus: a smooth form of the rectified linear unit.

    y = ln(1 + e^(beta x)) / beta    where beta x <= threshold
    y = x                            elsewhere, where the two are the same to rounding

The logarithm is computed as max(beta x, 0) + ln(1 + e^-|beta x|), so that no exponential overflows.

Shapes    x (*), y (*): any shape
Gradient  dx = dy / (1 + e^(-beta x)) where beta x <= threshold, else dy
Source    Dugas et al., "Incorporating second-order functional knowledge for better option pricing", NIPS 2000
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import check_float, check_number
from ..op import empty_like, kernel, op


@kernel(writes="y")
def softplus_forward(x, beta, threshold, y):
    for i in np.ndindex(x.shape):
        z = beta * x[i]
        y[i] = x[i] if z > threshold else (max(z, 0.0) + math.log1p(math.exp(-abs(z)))) / beta


@kernel(writes="dx")
def softplus_backward(dy, x, beta, threshold, dx):
    for i in np.ndindex(dy.shape):
        z = beta * x[i]
        e = math.exp(-abs(z))
        dx[i] = dy[i] if z > threshold else dy[i] * (1.0 if z >= 0.0 else e) / (1.0 + e)


@softplus_forward.samples
def _(draw):
    x = draw.array(draw.shape())
    return {
        "x": x,
        "beta": draw.choice(1.0, 2.0, -0.5),
        "threshold": draw.choice(20.0, 1.0),
        "y": draw.out(x.shape),
    }


@softplus_backward.samples
def _(draw):
    x = draw.array(draw.shape())
    return {
        "dy": draw.array(x.shape),
        "x": x,
        "beta": draw.choice(1.0, 2.0, -0.5),
        "threshold": draw.choice(20.0, 1.0),
        "dx": draw.out(x.shape),
    }


@op("input")
def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """ln(1 + e^(beta * input)) / beta, element by element. See the top of this file."""
    x = check_float("softplus", "input", input)
    beta = check_number("softplus", "beta", beta)
    threshold = check_number("softplus", "threshold", threshold)
    y = empty_like(x)
    softplus_forward(x, beta, threshold, y)

    def gradient(dy, needs):
        dx = empty_like(x)
        softplus_backward(dy, x, beta, threshold, dx)
        return dx

    return y, gradient, ("input",)
