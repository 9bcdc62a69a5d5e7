"""glu: the gated linear unit. One half of the numbers says how much of the other half passes.

    y = a / (1 + e^-b)      a and b: the first and the second half of x along dim

Shapes    x (*), y (*): half as large along dim
Gradient  da = dy s, db = dy a s (1 - s) with s = 1 / (1 + e^-b)
Source    Dauphin, Fan, Auli, Grangier, "Language modeling with gated convolutional networks", ICML 2017
"""

from __future__ import annotations

from typing import Any

from ..arguments import check_dim, check_float
from ..op import empty, gradient_wanted, op
from .mul import mul_forward
from .sigmoid import sigmoid_backward, sigmoid_forward


@op("input")
def glu(input: Any, dim: int = -1) -> Any:
    """The first half of input along dim times the sigmoid of the second. See the top of this file."""
    x = check_float("glu", "input", input)
    d = check_dim("glu", dim, x.ndim)
    if x.ndim == 0 or x.shape[d] % 2:
        raise ValueError(f"glu: dimension {dim} must have two equal halves, but input has shape {x.shape}")
    size = x.shape[d] // 2
    first, second = ((slice(None),) * d + (half,) for half in (slice(size), slice(size, None)))
    a, s = x[first], empty(x[first].shape, x.dtype)
    sigmoid_forward(x[second], s)
    y = empty(s.shape, x.dtype) if gradient_wanted() else s
    mul_forward(a, s, y)

    def gradient(dy, needs):
        dx = empty(x.shape, x.dtype)
        da, db = dx[first], dx[second]
        mul_forward(dy, s, da)
        mul_forward(dy, a, db)
        sigmoid_backward(db, s, db)
        return dx

    return y, gradient, ("input",)
