"""neg: the negative.

    y = -x

Shapes    x (*), y (*): any shape
Gradient  dx = -dy
Special   the sign bit is flipped: of zeros, infinities and NaN too
Source    IEEE 754-2019, section 5.5.1 (negate)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_array
from ..op import empty_like, kernel, op


@kernel(writes="y")
def neg_forward(x, y):
    for i in np.ndindex(x.shape):
        y[i] = -x[i]


@neg_forward.samples
def _(draw):
    x = draw.special(draw.shape())
    return {"x": x, "y": draw.out(x.shape)}


@op("input")
def neg(input: Any) -> Any:
    """-input, element by element. See the top of this file."""
    x = check_array("neg", "input", input)
    if x.dtype.kind == "b":
        raise TypeError("neg: input is bool; use logical_not or convert it")
    y = empty_like(x)
    if x.dtype.kind != "f":
        return np.negative(x, out=y)
    neg_forward(x, y)

    def gradient(dy, needs):
        dx = empty_like(dy)
        neg_forward(dy, dx)
        return dx

    return y, gradient, ()
