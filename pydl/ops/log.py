"""log: the natural logarithm.

    y = ln x

Shapes    x (*), y (*): any shape. Integers give float32
Gradient  dx = dy / x
Special   ln 0 = -inf, ln of a negative number is NaN
Source    NIST Digital Library of Mathematical Functions, section 4.2; its derivative is 4.4.3
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_float
from ..op import empty_like, kernel, op
from .div import div_forward


@kernel(writes="y")
def log_forward(x, y):
    for i in np.ndindex(x.shape):
        y[i] = np.log(x[i])


@log_forward.samples
def _(draw):
    x = draw.array(draw.shape(), 0.1, 5.0)
    return {"x": x, "y": draw.out(x.shape)}


@op("input")
def log(input: Any) -> Any:
    """ln(input), element by element. See the top of this file."""
    x = check_float("log", "input", input, integers=True)
    y = empty_like(x)
    log_forward(x, y)

    def gradient(dy, needs):
        dx = empty_like(x)
        div_forward(dy, x, dx)
        return dx

    return y, gradient, ("input",)
