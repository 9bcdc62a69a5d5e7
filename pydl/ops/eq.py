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
from ..op import empty, kernel, op
from .broadcasting import broadcast_shape
from .clone import MOST_DIMENSIONS

EQUAL, LESS, OPPOSITE = 1, 2, 4  # what the kernel's `form` is a sum of, as in csrc/eq.cpp

_bool, _int64 = np.dtype(np.bool_), np.dtype(np.int64)
_UFUNCS = {EQUAL: np.equal, EQUAL + OPPOSITE: np.not_equal, LESS: np.less, LESS + EQUAL: np.less_equal}


@kernel(writes="y")
def eq_forward(a, b, integers, form, y):
    """integers: whether a and b are int64 and not floats."""
    a, b = np.broadcast_to(a, y.shape), np.broadcast_to(b, y.shape)
    for i in np.ndindex(y.shape):
        holds = (form & EQUAL and a[i] == b[i]) or (form & LESS and a[i] < b[i])
        y[i] = not holds if form & OPPOSITE else holds


@eq_forward.samples
def _(draw):
    a, b, shape = draw.broadcast_pair()
    integers = draw.choice(False, True)
    for x in (a, b):
        np.round(x, out=x)  # so that some are equal
    if integers:
        shift = draw.choice(0, 61)
        a, b = (np.asarray(np.asarray(draw.integers(x.shape, -2, 2)) << shift) for x in (a, b))
    y = draw.choice(np.zeros(shape, np.bool_), np.zeros(shape, np.bool_).T.copy().T)
    return {"a": a, "b": b, "integers": integers, "form": draw.integer(0, 7), "y": y}


def compare(op: str, form: int, input: Any, other: Any, exchanged: bool = False) -> Array:
    """Whether input and other compare as the form says, as a bool array; exchanged: other and input."""
    if is_usual_float(input) and is_number(other):
        return _compared(op, form, input, np.array(other, input.dtype), exchanged)
    if is_usual_float(input) and is_usual_float(other) and input.dtype is other.dtype:
        return _compared(op, form, input, other, exchanged)
    if type(input) is np.ndarray and input.dtype is _int64:
        if type(other) is np.ndarray and other.dtype is _int64:
            return _compared(op, form, input, other, exchanged)
        if type(other) is int and -(2**63) <= other < 2**63:
            return _compared(op, form, input, np.array(other, _int64), exchanged)
    a, b = check_array(op, "input", input), check_array(op, "other", other)
    y = empty(broadcast_shape(op, a, b), _bool)
    # numpy gives a number the dtype of the array beside it, as long as it still is a number.
    left, right = (
        value if isinstance(value, bool | int | float) else array for value, array in ((input, a), (other, b))
    )
    if exchanged:
        left, right = right, left
    _UFUNCS[form](left, right, out=y)
    return y


def _compared(op: str, form: int, a: Array, b: Array, exchanged: bool) -> Array:
    y = empty(broadcast_shape(op, a, b), _bool)
    if exchanged:
        a, b = b, a
    if y.ndim <= MOST_DIMENSIONS:
        eq_forward(a, b, a.dtype is _int64, form, y)
    else:
        _UFUNCS[form](a, b, out=y)
    return y


@op("input", "other")
def eq(input: Any, other: Any) -> Any:
    """Whether input equals other, element by element."""
    return compare("eq", EQUAL, input, other)


@op("input", "other")
def ne(input: Any, other: Any) -> Any:
    """Whether input does not equal other, element by element."""
    return compare("ne", EQUAL + OPPOSITE, input, other)
