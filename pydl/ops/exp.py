"""exp: the exponential function.

    y = e^x

Shapes    x (*), y (*): any shape. Integers give float32
Gradient  dx = dy y
Special   e^-inf = 0; infinity where the result is too large for the dtype
Source    NIST Digital Library of Mathematical Functions, section 4.2; its derivative is 4.4.1
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_float
from ..op import empty_like, kernel, op
from .mul import mul_forward


@kernel(writes="y")
def exp_forward(x, y):
    for i in np.ndindex(x.shape):
        y[i] = np.exp(x[i])


@exp_forward.samples
def _(draw):
    x = draw.array(draw.shape())
    return {"x": x, "y": draw.out(x.shape)}


@op("input")
def exp(input: Any) -> Any:
    """e^input, element by element. See the top of this file."""
    x = check_float("exp", "input", input, integers=True)
    y = empty_like(x)
    exp_forward(x, y)

    def gradient(dy, needs):
        dx = empty_like(y)
        mul_forward(dy, y, dx)
        return dx

    return y, gradient, ("output",)
