"""glu: the gated linear unit. One half of the numbers says how much of the other half passes.

    y = a / (1 + e^-b)      a and b: the first and the second half of x along dim

Shapes    x (*), y (*): half as large along dim
Gradient  da = dy s, db = dy a s (1 - s) with s = 1 / (1 + e^-b)
Source    Dauphin, Fan, Auli, Grangier, "Language modeling with gated convolutional networks", ICML 2017
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_dim, check_float
from ..op import empty, op
from .blend import SHARE, SHARE_BACKWARD, blended


@op("input")
def glu(input: Any, dim: int = -1) -> Any:
    """The first half of input along dim times the sigmoid of the second. See the top of this file."""
    x = check_float("glu", "input", input)
    d = check_dim("glu", dim, x.ndim)
    if x.ndim == 0 or x.shape[d] % 2:
        raise ValueError(f"glu: dimension {dim} must have two equal halves, but input has shape {x.shape}")
    size, nothing = x.shape[d] // 2, np.zeros((), x.dtype)
    first, second = ((slice(None),) * d + (half,) for half in (slice(size), slice(size, None)))
    a, b = x[first], x[second]
    y = blended(SHARE, 1.0, a, b, nothing, empty(a.shape, x.dtype))

    def gradient(dy, needs):
        dx = empty(x.shape, x.dtype)
        blended(SHARE, 1.0, dy, b, nothing, dx[first])
        blended(SHARE_BACKWARD, 1.0, dy, a, b, dx[second])
        return dx

    return y, gradient, ("input",)
