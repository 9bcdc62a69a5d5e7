"""eq: equality, and ne, its opposite.

    y = (a = b)

Shapes    a, b: any that broadcast together; y (bool): the broadcast shape
Gradient  none: the result is not a number
Kernel    for recordings, which replay kernels alone; numpy's loops, which make bytes of bytes, are faster elsewhere
Special   NaN equals nothing, not even itself
Source    IEEE 754-2019, section 5.11 (comparisons)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._compiled import is_number, is_usual_float
from ..arguments import Array, check_array
from ..op import empty, kernel, kernels_are_noted, op
from .broadcasting import broadcast_shape
from .clone import MOST_DIMENSIONS

EQUAL, LESS, OPPOSITE = 1, 2, 4  # what the kernel's `form` is a sum of, as in csrc/eq.cpp

_bool, _int64 = np.dtype(np.bool_), np.dtype(np.int64)
# The kernel's form of each comparison, and whether its arguments are exchanged.
FORMS: dict[np.ufunc, tuple[int, bool]] = {
    np.equal: (EQUAL, False),
    np.not_equal: (EQUAL + OPPOSITE, False),
    np.less: (LESS, False),
    np.less_equal: (LESS + EQUAL, False),
    np.greater: (LESS, True),
    np.greater_equal: (LESS + EQUAL, True),
}


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


def compare(op: str, ufunc: np.ufunc, input: Any, other: Any) -> Array:
    """ufunc(input, other), one of FORMS, as a bool array."""
    if kernels_are_noted():
        noted = _by_kernel(op, ufunc, input, other)
        if noted is not None:
            return noted
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


def _by_kernel(op: str, ufunc: np.ufunc, a: Any, b: Any) -> Array | None:
    """The same of floats or int64 of one dtype, or of such and a number; of others None."""
    if not is_usual_float(a) and not (type(a) is np.ndarray and a.dtype is _int64):
        return None
    if is_number(b) and (a.dtype is not _int64 or (type(b) is int and -(2**63) <= b < 2**63)):
        b = np.array(b, a.dtype)
    if type(b) is not np.ndarray or b.dtype is not a.dtype:
        return None
    y = empty(broadcast_shape(op, a, b), _bool)
    if y.ndim > MOST_DIMENSIONS:
        return None
    form, exchanged = FORMS[ufunc]
    eq_forward(*((b, a) if exchanged else (a, b)), a.dtype is _int64, form, y)
    return y


@op("input", "other")
def eq(input: Any, other: Any) -> Any:
    """Whether input equals other, element by element."""
    return compare("eq", np.equal, input, other)


@op("input", "other")
def ne(input: Any, other: Any) -> Any:
    """Whether input does not equal other, element by element."""
    return compare("ne", np.not_equal, input, other)
