"""silu: the sigmoid-weighted linear unit, also called swish.

    y = x s    with s = 1 / (1 + e^-x)

Shapes    x (*), y (*): any shape
Gradient  dx = dy s (1 + x (1 - s))
Source    Elfwing, Uchibe, Doya, "Sigmoid-weighted linear units for neural network function approximation in
          reinforcement learning", Neural Networks 107 (2018)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import check_float
from ..op import empty_like, kernel, op


def logistic(x):
    e = math.exp(-abs(x))
    return (1.0 if x >= 0.0 else e) / (1.0 + e)


@kernel(writes="y")
def silu_forward(x, y):
    for i in np.ndindex(x.shape):
        y[i] = x[i] * logistic(x[i])


@kernel(writes="dx")
def silu_backward(dy, x, dx):
    for i in np.ndindex(dy.shape):
        s = logistic(x[i])
        dx[i] = dy[i] * s * (1.0 + x[i] * (1.0 - s))


@silu_forward.samples
def _(draw):
    x = draw.array(draw.shape())
    return {"x": x, "y": draw.out(x.shape)}


@silu_backward.samples
def _(draw):
    x = draw.array(draw.shape())
    return {"dy": draw.array(x.shape), "x": x, "dx": draw.out(x.shape)}


@op("input")
def silu(input: Any) -> Any:
    """input * sigmoid(input), element by element. See the top of this file."""
    x = check_float("silu", "input", input)
    y = empty_like(x)
    silu_forward(x, y)

    def gradient(dy, needs):
        dx = empty_like(x)
        silu_backward(dy, x, dx)
        return dx

    return y, gradient, ("input",)
