"""relu: the rectified linear unit.

    y = max(x, 0)

Shapes    x (*), y (*): any shape
Gradient  dx = dy where y > 0, else 0 (0 at the kink x = 0 as well)
Special   NaN stays NaN
Source    Nair, Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010;
          Glorot, Bordes, Bengio, "Deep sparse rectifier neural networks", AISTATS 2011
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_float
from ..op import empty_like, kernel, op


@kernel(writes="y")
def relu_forward(x, y):
    for i in np.ndindex(x.shape):
        y[i] = 0.0 if x[i] <= 0.0 else x[i]


@kernel(writes="dx")
def relu_backward(dy, y, dx):
    for i in np.ndindex(y.shape):
        dx[i] = 0.0 if y[i] <= 0.0 else dy[i]


@relu_forward.samples
def _(draw):
    x = draw.array(draw.shape())
    return {"x": x, "y": draw.out(x.shape)}


@relu_backward.samples
def _(draw):
    y = draw.array(draw.shape())
    return {"dy": draw.array(y.shape), "y": y, "dx": draw.out(y.shape)}


@op("input")
def relu(input: Any) -> Any:
    """max(input, 0), element by element. See the top of this file."""
    x = check_float("relu", "input", input)
    y = empty_like(x)
    relu_forward(x, y)

    def gradient(dy, needs):
        dx = empty_like(y)
        relu_backward(dy, y, dx)
        return dx

    return y, gradient, ("output",)
