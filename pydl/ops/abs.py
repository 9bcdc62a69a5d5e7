"""abs: the magnitude.

    y = |x|

Shapes    x (*), y (*): any shape
Gradient  dx = dy where x > 0, -dy where x < 0, 0 at the kink x = 0
Special   the sign bit is cleared: of zeros, infinities and NaN too
Source    IEEE 754-2019, section 5.5.1 (abs)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import check_array
from ..op import empty_like, kernel, op


@kernel(writes="y")
def abs_forward(x, y):
    for i in np.ndindex(x.shape):
        y[i] = math.fabs(x[i])


@kernel(writes="dx")
def abs_backward(dy, x, dx):
    dy = np.broadcast_to(dy, dx.shape)
    for i in np.ndindex(dx.shape):
        dx[i] = dy[i] if x[i] > 0.0 else -dy[i] if x[i] < 0.0 else 0.0


@abs_forward.samples
def _(draw):
    x = draw.special(draw.shape())
    return {"x": x, "y": draw.out(x.shape)}


@abs_backward.samples
def _(draw):
    x = draw.array(draw.shape())
    np.round(x, out=x)  # so that some are 0
    return {"dy": draw.array(x.shape), "x": x, "dx": draw.out(x.shape)}


@op("input")
def abs(input: Any) -> Any:
    """|input|, element by element. See the top of this file."""
    x = check_array("abs", "input", input)
    y = empty_like(x)
    if x.dtype.kind in "iub":
        return np.absolute(x, out=y)
    abs_forward(x, y)

    def gradient(dy, needs):
        dx = empty_like(x)
        abs_backward(dy, x, dx)
        return dx

    return y, gradient, ("input",)
