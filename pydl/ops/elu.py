"""elu: the exponential linear unit; so are selu, which keeps mean and variance, and celu, which has no bend.

    y = scale x                          where x > 0
    y = scale alpha (e^(slope x) - 1)    elsewhere

    elu   scale = 1, slope = 1
    selu  alpha = 1.6732632423543772, scale = 1.0507009873554805, slope = 1: mean 0 and variance 1 are a fixed point
    celu  scale = 1, slope = 1 / alpha: the two sides meet with one slope

Shapes    x (*), y (*): any shape
Gradient  dx = scale dy where x > 0, else scale alpha slope e^(slope x) dy
Source    Clevert, Unterthiner, Hochreiter, "Fast and accurate deep network learning by exponential linear units
          (ELUs)", ICLR 2016; Klambauer, Unterthiner, Mayr, Hochreiter, "Self-normalizing neural networks", NIPS 2017,
          for selu; Barron, "Continuously differentiable exponential linear units", arXiv:1704.07483 (2017), for celu
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import check_float, check_number
from ..op import empty_like, kernel, op

SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


@kernel(writes="y")
def elu_forward(x, alpha, scale, slope, y):
    for i in np.ndindex(x.shape):
        y[i] = scale * (x[i] if x[i] > 0.0 else alpha * math.expm1(slope * x[i]))


@kernel(writes="dx")
def elu_backward(dy, x, alpha, scale, slope, dx):
    for i in np.ndindex(dy.shape):
        dx[i] = scale * dy[i] * (1.0 if x[i] > 0.0 else alpha * slope * math.exp(slope * x[i]))


@elu_forward.samples
def _(draw):
    x = draw.special(draw.shape())
    alpha, scale, slope = draw.choice(1.0, 0.25), draw.choice(1.0, 1.5), draw.choice(1.0, 0.5)
    return {"x": x, "alpha": alpha, "scale": scale, "slope": slope, "y": draw.out(x.shape)}


@elu_backward.samples
def _(draw):
    x = draw.array(draw.shape())
    alpha, scale, slope = draw.choice(1.0, 0.25), draw.choice(1.0, 1.5), draw.choice(1.0, 0.5)
    return {"dy": draw.array(x.shape), "x": x, "alpha": alpha, "scale": scale, "slope": slope, "dx": draw.out(x.shape)}


def exponential_unit(name: str, input: Any, alpha: float, scale: float, slope: float) -> Any:
    """What the three of them return."""
    x = check_float(name, "input", input)
    y = empty_like(x)
    elu_forward(x, alpha, scale, slope, y)

    def gradient(dy, needs):
        dx = empty_like(x)
        elu_backward(dy, x, alpha, scale, slope, dx)
        return dx

    return y, gradient, ("input",)


@op("input")
def elu(input: Any, alpha: float = 1.0) -> Any:
    """x where x > 0, else alpha * (e^x - 1). See the top of this file."""
    return exponential_unit("elu", input, check_number("elu", "alpha", alpha), 1.0, 1.0)


@op("input")
def selu(input: Any) -> Any:
    """elu with the alpha and the scale that keep mean 0 and variance 1. See the top of this file."""
    return exponential_unit("selu", input, SELU_ALPHA, SELU_SCALE, 1.0)


@op("input")
def celu(input: Any, alpha: float = 1.0) -> Any:
    """x where x > 0, else alpha * (e^(x / alpha) - 1). See the top of this file."""
    number = check_number("celu", "alpha", alpha)
    if number == 0.0:
        raise ValueError("celu: alpha must not be 0")
    return exponential_unit("celu", input, number, 1.0, 1.0 / number)
