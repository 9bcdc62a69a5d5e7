"""eq: equality, and ne, its opposite.

    y = (a = b)

Shapes    a, b: any that broadcast together; y (bool): the broadcast shape
Gradient  none: the result is not a number
Special   NaN equals nothing, not even itself
Source    IEEE 754-2019, section 5.11 (comparisons)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._compiled import is_number, is_usual_float
from ..arguments import Array, check_array
from ..op import empty, op
from .broadcasting import broadcast_shape

_bool = np.dtype(np.bool_)


def compare(op: str, ufunc: np.ufunc, input: Any, other: Any) -> Array:
    """ufunc(input, other) as a bool array."""
    if is_usual_float(input) and (is_number(other) or (is_usual_float(other) and input.shape == other.shape)):
        y = empty(input.shape, _bool)
        ufunc(input, other, out=y)
        return y
    if is_usual_float(input) and is_usual_float(other):
        y = empty(broadcast_shape(op, input, other), _bool)
        ufunc(input, other, out=y)
        return y
    if type(input) is np.ndarray and input.dtype.kind in "iub" and input.dtype.isnative:
        is_array = type(other) is np.ndarray and other.dtype is input.dtype
        if is_array or type(other) is int:
            shape = broadcast_shape(op, input, other) if is_array else input.shape
            return ufunc(input, other, out=empty(shape, _bool))  # type: ignore[no-any-return]
    a, b = check_array(op, "input", input), check_array(op, "other", other)
    # numpy gives a number the dtype of the array beside it, as long as it still is a number.
    sides = (value if isinstance(value, bool | int | float) else array for value, array in ((input, a), (other, b)))
    y = empty(broadcast_shape(op, a, b), _bool)
    ufunc(*sides, out=y)
    return y


@op("input", "other")
def eq(input: Any, other: Any) -> Any:
    """Whether input equals other, element by element."""
    return compare("eq", np.equal, input, other)


@op("input", "other")
def ne(input: Any, other: Any) -> Any:
    """Whether input does not equal other, element by element."""
    return compare("ne", np.not_equal, input, other)
