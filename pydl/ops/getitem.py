"""getitem: parts of a tensor, x[index].

    y = x[index]      index: integers, slices, None, ..., boolean masks, integer arrays, and tuples of them

Shapes    as in numpy and PyTorch: an integer takes a dimension away, None puts one in, ... stands for all that is not
          named; a mask gives the elements where it is True; integer arrays are broadcast, and pick one element each.
          Arrays with a slice between them come first in y. As in PyTorch, an integer is none of them: with x (2, 3, 4)
          and k (5), x[0, :, k] is (3, 5), where numpy has (5, 3)
Gradient  dx is 0 but for dx[index] += dy; where an array picks an element twice, both gradients add up
Memory    shared with x, unless there is a mask or an integer array among the indices
Source    Harris et al., "Array programming with NumPy", Nature 585 (2020)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._compiled import Summand, TensorBase, along, for_all, plain_part, usual_numbers
from ..arguments import Array, check_array
from ..op import empty, gradient_wanted, kernels_are_noted, op
from .add import add_to
from .clone import copy, zeros
from .gather import add_rows, gather_forward, pick_forward


def plain_index(name: str, index: Any) -> tuple[Any, ...]:
    """The index as a tuple that numpy understands, with arrays of its own: the gradient must not see later changes."""
    if type(index) is int or type(index) is slice:
        return (index,)
    if not isinstance(index, tuple):
        return (_plain(name, index),)
    return tuple([_plain(name, each) for each in index])


def _plain(name: str, each: Any) -> Any:
    if isinstance(each, TensorBase):
        each = each.data
    elif isinstance(each, list):
        each = check_array(name, "index", each) if each else np.empty(0, np.int64)
    elif isinstance(each, bool | np.bool_):
        each = np.asarray(each)  # a mask without dimensions, whose part of x is a copy
    if not isinstance(each, np.ndarray):
        return each
    if each.dtype.kind not in "iub":
        raise IndexError(f"{name}: an index array must hold integers or bool, but has dtype {each.dtype}")
    return int(each) if each.ndim == 0 and each.dtype.kind != "b" else each.copy()


def without_integers(x: Any, index: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """x without the dimensions that the index has integers for, and the rest of it; if it has arrays, too."""
    arrays = others = False
    for each in index:  # quicker than any()
        if isinstance(each, np.ndarray):
            arrays = True
        else:
            others = True
    if not arrays or not others:  # as usual
        return x, index
    named = sum(map(_named_dimensions, index))
    if named == x.ndim:  # to numpy an ... between arrays sets them apart, even where it stands for nothing
        index = tuple(each for each in index if each is not Ellipsis)
    first: list[Any] = []
    rest: list[Any] = []
    for each in index:
        if isinstance(each, int | np.integer):
            first.append(each)
        else:
            rest.append(each)
            first += [each] if each is Ellipsis else [slice(None)] * _named_dimensions(each)
    if len(rest) == len(index):
        return x, index
    if Ellipsis not in first:
        first.append(Ellipsis)  # an array, also where numpy would give a number
    return x[tuple(first)], tuple(rest)


def _named_dimensions(each: Any) -> int:
    """How many dimensions of x this part of the index is for."""
    if each is None or each is Ellipsis:
        return 0
    return each.ndim if isinstance(each, np.ndarray) and each.dtype.kind == "b" else 1


def part(name: str, x: Any, index: tuple[Any, ...]) -> Any:
    """x[index] as an array, also where numpy would give a number."""
    shape = x.shape
    try:
        if len(index) == 1 and (type(index[0]) is int or type(index[0]) is slice):
            return x[index[0], ...]
        x, index = without_integers(x, index)
        return x[index if any(each is Ellipsis for each in index) else (*index, ...)]
    except (IndexError, TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error} (tensor {shape})") from None
    except OverflowError:
        raise IndexError(f"{name}: the index {index} is out of range (tensor {shape})") from None


def picks(index: tuple[Any, ...]) -> bool:
    """Whether there are integer arrays in the index, which may name an element more than once."""
    return any(isinstance(each, np.ndarray) and each.dtype.kind != "b" for each in index)


def rows(shape: tuple[int, ...], index: tuple[Any, ...]) -> tuple[Any, int]:
    """The rows that an index with integer arrays picks, in x seen as (N, D): their numbers, and D."""
    while index and index[-1] is Ellipsis:
        index = index[:-1]
    if all(isinstance(each, int | np.integer | np.ndarray) for each in index) and all(
        each.dtype.kind != "b" for each in index if isinstance(each, np.ndarray)
    ):
        k = len(index)
        if k == 1 and index[0].size and index[0].min() >= 0:  # the usual case
            return index[0].reshape(-1), math.prod(shape[1:])
        numbers = np.zeros((), np.int64)
        for each, size in zip(index, shape[:k], strict=True):
            if np.min(each, initial=0) < 0:
                each = np.where(np.less(each, 0), np.add(each, size), each)
            numbers = numbers * size + each
        return numbers.reshape(-1), math.prod(shape[k:])
    positions = part("getitem", np.arange(math.prod(shape)).reshape(shape), index)
    return positions.reshape(-1), 1


def _masked(x: Any, index: tuple[Any, ...]) -> Any:
    """The numbers of the elements that one mask of all of x picks, in x seen as a vector; None for another index."""
    if len(index) == 1 and isinstance(index[0], np.ndarray) and index[0].dtype.kind == "b":
        return np.flatnonzero(index[0]) if x.ndim and index[0].shape == x.shape else None
    return None


_WHOLE = slice(None)


def _taken_along(x: Any, index: Any) -> Any:
    """What getitem returns for an array of numbers, none of them negative, behind d whole dimensions, by gather's
    kernel; else None.
    """
    before: tuple[Any, ...] = ()
    if type(index) is tuple and index:
        before, index = index[:-1], index[-1]
        for each in before:
            if type(each) is not slice or each != _WHOLE:
                return None
    d = len(before)
    array = index.data if isinstance(index, TensorBase) else index
    if isinstance(array, list):
        array = np.array(array) if array and all(type(each) is int for each in array) else None
    if not isinstance(array, np.ndarray) or array.ndim == 0 or x.ndim <= d or (x.ndim > 2 and not x.flags.c_contiguous):
        return None
    numbers = usual_numbers(array if array.ndim == 1 else array.reshape(-1), x, d)
    if numbers is None:
        return None
    y = empty((*x.shape[:d], *array.shape, *x.shape[d + 1 :]), x.dtype)
    lines = along(x, d)
    A, _, B = lines.shape
    try:
        gather_forward(lines, for_all(numbers, A, B), y.reshape(A, numbers.size, B))
    except ValueError:
        return None
    return y, lambda dy, needs: PartGradient(x, (*before, numbers.reshape(array.shape)), None, dy), ()


def _arrays_alone(x: Any, index: Any) -> tuple[Any, ...] | None:
    """An index of several int64 arrays, and nothing else, as numpy takes it; else None."""
    if type(index) is not tuple or not 1 < len(index) <= x.ndim:
        return None
    plain = []
    for each in index:
        array = each.data if isinstance(each, TensorBase) else each
        if type(array) is not np.ndarray or array.dtype != np.int64 or not array.ndim:
            return None
        plain.append(array.copy() if gradient_wanted() else array)
    return tuple(plain)


def _picked(x: Any, index: Any) -> Any:
    """What getitem returns for two vectors of numbers, none of them negative, of a matrix, by a kernel; else None."""
    if type(index) is not tuple or len(index) != 2 or x.ndim != 2 or x.itemsize < 4 or kernels_are_noted():
        return None
    row, column = usual_numbers(index[0], x, 0), usual_numbers(index[1], x, 0)
    if row is None or column is None or row.ndim != 1 or column.ndim != 1:
        return None
    y = empty(row.shape, x.dtype)
    try:
        pick_forward(x, row, column, y)
    except (ValueError, IndexError):  # the kernel's, the reference's: numbers that it does not take
        return None
    return y, lambda dy, needs: PartGradient(x, (row, column), None, dy), ()


@op("input", view=True)
def getitem(input: Any, index: Any) -> Any:
    """x[index]. See the top of this file."""
    x = check_array("getitem", "input", input)
    y = plain_part(x, index)
    if y is not None:
        plain = index if isinstance(index, tuple) else (index,)
        return y, lambda dy, needs: PartGradient(x, plain, None, dy), ()
    taken = _picked(x, index) or _taken_along(x, index)
    if taken is not None:
        return taken
    arrays = _arrays_alone(x, index)
    if arrays is not None:
        try:
            return x[arrays], lambda dy, needs: PartGradient(x, arrays, None, dy), ()
        except IndexError:
            pass  # which part() explains
    plain = plain_index("getitem", index)
    masked = _masked(x, plain)
    # Numpy is quick with numbers, and slow with masks, whose branches nobody predicts.
    if masked is None:
        y = part("getitem", x, plain)
    else:
        y, plain = np.take(x.reshape(-1), masked), ()
    return y, lambda dy, needs: PartGradient(x, plain, masked, dy), ()


class PartGradient(Summand):
    """dy where the index says, and zeros elsewhere, which would make a loop over all x[t] quadratic in their number."""

    def __init__(self, x: Array, index: tuple[Any, ...], masked: Array | None, dy: Array) -> None:
        self.shape, self.dtype, self.index, self.masked, self.dy = x.shape, x.dtype, index, masked, dy

    def join(self, other: Summand) -> bool:
        return False

    def array(self) -> Array:
        dx = zeros(self.shape, self.dtype)
        if self.masked is not None or any(isinstance(each, np.ndarray) for each in self.index):
            self.add_to(dx)
        else:
            copy(self.dy, part("getitem", dx, self.index))
        return dx

    def add_to(self, sum: Array) -> None:
        if self.masked is not None:
            sum.reshape(-1)[self.masked] += self.dy
        elif not any(isinstance(each, np.ndarray) for each in self.index):
            add_to(part("getitem", sum, self.index), self.dy)
        elif not picks(self.index):
            region, rest = without_integers(sum, self.index)
            region[rest] += self.dy
        elif self.dy.size > 0:
            numbers, D = rows(self.shape, self.index)
            add_rows(self.dy.reshape(-1, D), numbers.astype(np.int64, copy=False), sum.reshape(-1, D))
