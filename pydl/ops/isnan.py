"""isnan: what is not a number, with isinf and isfinite: infinite, and neither.

    y = (x is NaN), (|x| = inf), (|x| < inf)

Shapes    x (*), y (*, bool): any shape
Gradient  none: the result is not a number
Source    IEEE 754-2019, section 5.7.2 (isNaN, isInfinite, isFinite)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_array
from ..op import empty, op


@op("input")
def isnan(input: Any) -> Any:
    """Whether input is NaN, element by element."""
    x = check_array("isnan", "input", input)
    return np.isnan(x, out=empty(x.shape, np.dtype(np.bool_)))


@op("input")
def isinf(input: Any) -> Any:
    """Whether input is infinite, element by element."""
    x = check_array("isinf", "input", input)
    return np.isinf(x, out=empty(x.shape, np.dtype(np.bool_)))


@op("input")
def isfinite(input: Any) -> Any:
    """Whether input is neither infinite nor NaN, element by element."""
    x = check_array("isfinite", "input", input)
    return np.isfinite(x, out=empty(x.shape, np.dtype(np.bool_)))
