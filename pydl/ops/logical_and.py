"""logical_and: truth values and bits, what holds for some or all of them, and which numbers are nearly equal.

    logical_and   y = (a != 0) and (b != 0);  _or, _xor alike;  bitwise_and, ...: for each bit of integers, or of bool
    any           y[k] = x[k, r] != 0 for some r;  all: for each r;  count_nonzero: the number of such r
    isclose       y = |a - b| <= atol + rtol |b|;  allclose: for all elements;  equal: exactly, and of one shape

Shapes    a, b: any that broadcast together; any, all: as for sum
Gradient  none: the results are no smooth numbers
Kernel    of logical_and and its like, for recordings; see eq.py
Special   NaN is not 0 and, but for equal_nan, near to nothing; equal infinities are close
Source    Boole, "An investigation of the laws of thought", 1854, chapter III; Knuth, "The art of computer programming",
          volume 2 (1997), section 4.2.2
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from .._compiled import empty_reduced
from ..arguments import check_array, check_flag, check_range, check_reduction
from ..op import empty, empty_like, kernel, kernels_are_noted, op
from ..tensor import as_tensor
from .amax import amax_forward, amin_forward
from .broadcasting import broadcast_shape, operands
from .clone import MOST_DIMENSIONS, converted, float32
from .eq import compare

BOTH, ONE = 1, 2  # what the kernel's `form` is a sum of, as in csrc/logical_and.cpp
AND, OR, XOR = BOTH, BOTH + ONE, ONE

# Of SOME numbers or more with FEW neighbours at most, extremes of floats are found sooner: numpy goes line by line.
FEW, SOME = 48, 512

_bool = np.dtype(np.bool_)
_UFUNCS = {AND: np.bitwise_and, OR: np.bitwise_or, XOR: np.bitwise_xor}


@kernel(writes="y")
def logical_and_forward(a, b, form, y):
    a, b = np.broadcast_to(a, y.shape), np.broadcast_to(b, y.shape)
    for i in np.ndindex(y.shape):
        both, one = a[i] and b[i], a[i] != b[i]
        y[i] = (form & BOTH and both) or (form & ONE and one)


@logical_and_forward.samples
def _(draw):
    a, b, shape = draw.broadcast_pair()
    return {"a": np.asarray(a > 0), "b": np.asarray(b > 0), "form": draw.integer(0, 3), "y": np.zeros(shape, np.bool_)}


def _join(form: int, a: Any, b: Any, y: Any) -> Any:
    """y = the form of truth values or integers."""
    if kernels_are_noted() and y.dtype.kind == "b" and y.ndim <= MOST_DIMENSIONS:
        logical_and_forward(a, b, form, y)
    else:
        _UFUNCS[form](a, b, out=y)
    return y


def _truth(name: str, form: int, input: Any, other: Any) -> Any:
    a, b = check_array(name, "input", input), check_array(name, "other", other)
    y = empty(a.shape if a.shape == b.shape else broadcast_shape(name, a, b), _bool)
    return _join(form, truths(name, a), truths(name, b), y)


@lru_cache(16)
def _nothing(dtype: Any) -> Any:
    """0 as an array, which numpy compares with more quickly than with a number of Python's."""
    return np.zeros((), dtype)


def truths(name: str, x: Any) -> Any:
    """Whether each number is not 0."""
    if x.dtype.kind == "b":
        return x
    return compare(name, np.not_equal, x, 0) if kernels_are_noted() else np.asarray(x != _nothing(x.dtype))


def negated(x: Any) -> Any:
    """Whether each truth value does not hold."""
    y = empty_like(x)
    return _join(XOR, x, np.array(True), y) if kernels_are_noted() else np.invert(x, out=y)


@op("input", "other")
def logical_and(input: Any, other: Any) -> Any:
    """Whether input and other are not 0, element by element."""
    return _truth("logical_and", AND, input, other)


@op("input", "other")
def logical_or(input: Any, other: Any) -> Any:
    """Whether input or other is not 0, element by element."""
    return _truth("logical_or", OR, input, other)


@op("input", "other")
def logical_xor(input: Any, other: Any) -> Any:
    """Whether exactly one of input and other is not 0, element by element."""
    return _truth("logical_xor", XOR, input, other)


def _bits(name: str, form: int, input: Any, other: Any) -> Any:
    if type(input) is type(other) is np.ndarray and input.dtype is other.dtype is _bool:
        return _truth(name, form, input, other)
    a, b, y, _, _ = operands(name, input, other)
    if y.dtype.kind == "f":
        raise TypeError(f"{name}: the arguments are {y.dtype} but must be bool or integers")
    return _join(form, a, b, y)


@op("input", "other")
def bitwise_and(input: Any, other: Any) -> Any:
    """input & other."""
    return _bits("bitwise_and", AND, input, other)


@op("input", "other")
def bitwise_or(input: Any, other: Any) -> Any:
    """input | other."""
    return _bits("bitwise_or", OR, input, other)


@op("input", "other")
def bitwise_xor(input: Any, other: Any) -> Any:
    """input ^ other."""
    return _bits("bitwise_xor", XOR, input, other)


@op("input")
def bitwise_not(input: Any) -> Any:
    """~input."""
    x = check_array("bitwise_not", "input", input)
    if x.dtype.kind == "f":
        raise TypeError(f"bitwise_not: input is {x.dtype} but must be bool or integers")
    return negated(x) if x.dtype.kind == "b" else np.invert(x, out=empty_like(x))


def _reduced(name: str, form: Any, input: Any, dim: Any, keepdim: Any, by_floats: Any = None) -> Any:
    x = check_array(name, "input", input)
    dims, ones, shape, _ = check_reduction(name, x.shape, dim, keepdim)
    if by_floats is not None and x.size >= SOME and x.shape[-1] <= FEW and len(dims) < x.ndim:
        numbers = converted(truths(name, x), float32)
        y, lines = empty_reduced(numbers, ones, shape)
        by_floats(numbers, lines)
        return np.not_equal(y, 0, out=empty(shape, _bool))
    if by_floats is not None and x.dtype.kind == "b" and x.size < SOME and len(dims) == x.ndim:
        count = np.count_nonzero(x)  # in less time than a reduction needs to begin
        y = empty(shape, _bool)
        y.fill(count > 0 if by_floats is amax_forward else count == x.size)
        return y
    # numpy goes through all dimensions at once faster than through a list of them.
    return np.asarray(form(x, None if len(dims) == x.ndim else dims)).reshape(shape)


@op("input")
def any(input: Any, dim: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Any:
    """Whether some element is not 0."""
    return _reduced("any", np.logical_or.reduce, input, dim, keepdim, amax_forward)


@op("input")
def all(input: Any, dim: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Any:
    """Whether no element is 0."""
    return _reduced("all", np.logical_and.reduce, input, dim, keepdim, amin_forward)


@op("input")
def count_nonzero(input: Any, dim: int | tuple[int, ...] | None = None) -> Any:
    """How many elements are not 0, int64."""
    return np.asarray(_reduced("count_nonzero", np.count_nonzero, input, dim, False), np.int64)


def _close(name: str, input: Any, other: Any, rtol: Any, atol: Any, equal_nan: Any) -> Any:
    a, b = check_array(name, "input", input), check_array(name, "other", other)
    broadcast_shape(name, a, b)
    limits = check_range(name, "rtol", rtol, 0), check_range(name, "atol", atol, 0)
    return np.asarray(np.isclose(a, b, *limits, check_flag(name, "equal_nan", equal_nan)))


@op("input", "other")
def isclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether input and other are equal up to rounding, element by element."""
    return _close("isclose", input, other, rtol, atol, equal_nan)


def allclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether all elements are equal up to rounding."""
    a, b = as_tensor("allclose", input).data, as_tensor("allclose", other).data
    return bool(_close("allclose", a, b, rtol, atol, equal_nan).all())


def equal(input: Any, other: Any) -> bool:
    """Whether both have one shape and equal elements."""
    return np.array_equal(as_tensor("equal", input).data, as_tensor("equal", other).data)
