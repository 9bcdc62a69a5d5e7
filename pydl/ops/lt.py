"""lt: order, with le, gt and ge: less, less or equal, greater, greater or equal.

    y = (a < b), (a <= b), (a > b), (a >= b)

Shapes    a, b: any that broadcast together; y (bool): the broadcast shape
Gradient  none: the result is not a number
Special   every comparison with NaN is false
Source    IEEE 754-2019, section 5.11 (comparisons)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import op
from .eq import compare


@op("input", "other")
def lt(input: Any, other: Any) -> Any:
    """Whether input is less than other, element by element."""
    return compare("lt", np.less, input, other)


@op("input", "other")
def le(input: Any, other: Any) -> Any:
    """Whether input is at most other, element by element."""
    return compare("le", np.less_equal, input, other)


@op("input", "other")
def gt(input: Any, other: Any) -> Any:
    """Whether input is greater than other, element by element."""
    return compare("gt", np.greater, input, other)


@op("input", "other")
def ge(input: Any, other: Any) -> Any:
    """Whether input is at least other, element by element."""
    return compare("ge", np.greater_equal, input, other)
