"""clone: the same numbers in other memory; contiguous and to: only where needed, and in another dtype.

    y[i] = x[i]

Shapes    x and y (*)
Gradient  dx = dy in the dtype of x
Memory    clone always copies, in row-major order; contiguous and to only where something has to change
Source    Harris et al., "Array programming with NumPy", Nature 585 (2020)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._compiled import flat, is_usual_float, remembered, seen_as
from ..arguments import Array, check_array, check_dtype, is_device
from ..op import empty, kernel, kernels_are_noted, op
from ..tensor import Tensor, as_tensor

MOST_DIMENSIONS = 8  # of an array that a kernel is given
FEW = 1024  # numbers that numpy repeats before a kernel is called
MANY = 4096  # numbers from which on a kernel converts them more quickly than numpy

float32, float64 = np.dtype(np.float32), np.dtype(np.float64)
int64, bool_ = np.dtype(np.int64), np.dtype(np.bool_)
NUMBERS = float32, float64, int64  # what kernels calculate with


@kernel(writes="y")
def clone_forward(x, y):
    for i in np.ndindex(x.shape):
        y[i] = x[i]


@clone_forward.samples
def _(draw):
    shape = draw.shape()
    return {"x": draw.array(shape), "y": draw.out(shape)}


@kernel(writes="y")
def from_integers(x, y):
    for i in range(len(x)):
        y[i] = x[i]


@kernel(writes="y")
def to_integers(x, y):
    """Rounded towards 0; what int64 does not hold becomes any number."""
    for i in range(len(x)):
        y[i] = x[i]


@from_integers.samples
def _(draw):
    n = draw.choice(draw.integer(0, 50), 40_000)
    return {"x": draw.integers((n,), -(2**63), 2**63 - 1), "y": draw.out((n,))}


@to_integers.samples
def _(draw):
    n = draw.choice(draw.integer(0, 50), 40_000)
    return {"x": draw.array((n,), finite=True) * 1000, "y": draw.out((n,), np.int64)}


def is_moved(x: Array) -> bool:
    """Whether the kernels that move numbers take x."""
    return x.dtype.kind in "fiub"


def _are_rows(x: Array, y: Array) -> bool:
    """Whether small numbers lie one behind another, or one is repeated; otherwise numpy copies them as quickly."""
    return x.ndim > 0 and y.strides[-1] == x.itemsize >= abs(x.strides[-1])


def copy(x: Array, y: Array) -> None:
    """y = x, by the kernel where it can: that way recordings know of it."""
    if x.dtype == y.dtype and is_moved(x) and x.ndim <= MOST_DIMENSIONS and (x.itemsize >= 4 or _are_rows(x, y)):
        clone_forward(x, y)
    else:
        y[...] = x


def overwrite(y: Array, x: Array) -> None:
    """y = x, broadcast; x may lie in the memory of y, as in x[1:] = x[:-1]."""
    if x.shape != y.shape:
        x = np.broadcast_to(x, y.shape)
    copy(copied(x) if np.may_share_memory(x, y) else x, y)


def converted(x: Array, dtype: Any) -> Array:
    """The numbers in another dtype, in row-major order and pydl's memory, which is at hand."""
    y = empty(x.shape, dtype)
    whole = x.size >= MANY and x.flags.c_contiguous
    if whole and x.dtype == int64 and y.dtype in (float32, float64):
        from_integers(flat(x), flat(y))
    elif whole and y.dtype == int64 and x.dtype in (float32, float64):
        to_integers(flat(x), flat(y))
    elif kernels_are_noted() and x.dtype == bool_ and y.dtype in NUMBERS and x.ndim <= MOST_DIMENSIONS:
        from .where import numbers_of  # which imports this module

        numbers_of(x, y)
    else:
        y[...] = x
    return y


def copied(x: Array) -> Array:
    """A copy in row-major order."""
    y = empty(x.shape, x.dtype)
    if is_usual_float(x) and x.ndim <= MOST_DIMENSIONS:
        clone_forward(x, y)
    else:
        copy(x, y)
    return y


def fill(y: Array, value: Any) -> None:
    """One number everywhere in y: by the kernel where it can, but by numpy where that is quicker and not recorded."""
    if y.size < FEW and not kernels_are_noted():
        y.fill(value)
    elif is_moved(y) and y.ndim <= MOST_DIMENSIONS:
        number = np.array(value, y.dtype)
        clone_forward(np.ndarray(y.shape, y.dtype, number, 0, (0,) * y.ndim), y)  # quicker than broadcast_to()
    else:
        y[...] = value


def zeros(shape: tuple[int, ...], dtype: Any) -> Array:
    """Zeros that recordings know of."""
    y = empty(shape, dtype)
    fill(y, 0)
    return y


@remembered
def _views(old: tuple[int, ...], strides: tuple[int, ...], new: tuple[int, ...]) -> bool:
    """Whether elements with these strides lie so that they can be seen in the new shape of as many."""
    runs: list[int] = []  # the sizes, those joined that lie one behind another
    before = 0
    for size, stride in zip(old, strides, strict=True):
        if size != 1:
            runs[-1:] = [runs[-1] * size] if runs and before == size * stride else [*runs[-1:], size]
            before = stride
    left = 1
    for size in new:
        if size != 1:
            left = runs.pop(0) if left == 1 else left
            if left % size:
                return False
            left //= size
    return True


def is_view(x: Array, shape: tuple[int, ...]) -> bool:
    """Whether x has another shape of as many elements without a copy."""
    return x.flags.c_contiguous or x.size == 0 or _views(x.shape, x.strides, shape)


def reshaped(x: Array, shape: tuple[int, ...]) -> Array:
    """x in another shape: a view where its strides allow it, else a copy."""
    y: Array | None = seen_as(x, shape)
    return (x if is_view(x, shape) else copied(x)).reshape(shape) if y is None else y


@op("input")
def clone(input: Any) -> Any:
    """A copy with a gradient. See the top of this file."""
    return copied(check_array("clone", "input", input)), lambda dy, needs: dy, ()


@op("input")
def astype(input: Any, dtype: Any) -> Any:
    """A copy in another dtype. See the top of this file."""
    x = check_array("to", "input", input)
    y = converted(x, dtype)
    return y, lambda dy, needs: dy.astype(x.dtype), ()


def contiguous(input: Tensor) -> Tensor:
    """The tensor itself if its elements lie in row-major order, else a clone()."""
    tensor = as_tensor("contiguous", input)
    return tensor if tensor.data.flags.c_contiguous else clone(tensor)


def to(input: Tensor, dtype: Any) -> Tensor:
    """The tensor itself if it has the dtype, else a copy of it in that dtype: to(x, "float64"); "cpu" is taken, too."""
    tensor = as_tensor("to", input)
    if is_device("to", dtype):
        return tensor
    new = check_dtype("to", dtype)
    return tensor if tensor.dtype == new else astype(tensor, new)
