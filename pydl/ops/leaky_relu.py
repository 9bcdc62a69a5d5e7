"""leaky_relu: a rectified linear unit that lets a little of the negative side through.

    y = x                   where x > 0
    y = negative_slope x    elsewhere

Shapes    x (*), y (*): any shape
Gradient  dx = dy where x > 0, else negative_slope dy
Source    Maas, Hannun, Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML 2013
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_float, check_number
from ..op import empty_like, kernel, op


@kernel(writes="y")
def leaky_relu_forward(x, negative_slope, y):
    for i in np.ndindex(x.shape):
        y[i] = x[i] if x[i] > 0.0 else negative_slope * x[i]


@kernel(writes="dx")
def leaky_relu_backward(dy, x, negative_slope, dx):
    for i in np.ndindex(dy.shape):
        dx[i] = dy[i] if x[i] > 0.0 else negative_slope * dy[i]


@leaky_relu_forward.samples
def _(draw):
    x = draw.array(draw.shape())
    return {"x": x, "negative_slope": draw.choice(0.0, 0.25, -0.5), "y": draw.out(x.shape)}


@leaky_relu_backward.samples
def _(draw):
    x = draw.array(draw.shape())
    return {"dy": draw.array(x.shape), "x": x, "negative_slope": draw.choice(0.0, 0.25, -0.5), "dx": draw.out(x.shape)}


@op("input")
def leaky_relu(input: Any, negative_slope: float = 0.01) -> Any:
    """x where x > 0, else negative_slope * x. See the top of this file."""
    x = check_float("leaky_relu", "input", input)
    negative_slope = check_number("leaky_relu", "negative_slope", negative_slope)
    y = empty_like(x)
    leaky_relu_forward(x, negative_slope, y)

    def gradient(dy, needs):
        dx = empty_like(x)
        leaky_relu_backward(dy, x, negative_slope, dx)
        return dx

    return y, gradient, ("input",)
