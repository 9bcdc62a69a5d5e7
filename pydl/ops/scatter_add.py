"""scatter_add: numbers added where integers say along one dimension; scatter: numbers put there.

    scatter_add     y = x but for y[index[i, j, k], j, k] += src[i, j, k]      for dim = 0, and so on
    scatter         y = x but for y[index[i, j, k], j, k] = src[i, j, k]
    index_add       y = x but for y[.., index[n], ..] += alpha source[.., n, ..]

gather's kernels compute them.

Shapes    scatter_add, scatter: index of as many dimensions as x and src, nowhere larger than src and, but for dim,
          than x; index_add: index (N)
Gradient  dx = dy, but 0 where scatter wrote; dsrc = dy where its numbers went, of several for one place scatter's last
Source    Harris et al., "Array programming with NumPy", Nature 585 (2020), for put_along_axis and add.at
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._compiled import along, for_all, repeated, usual_numbers
from ..arguments import Array, check_array, check_dim, check_fill, check_number
from ..op import empty, op
from ..tensor import Tensor, as_tensor
from .clone import clone, copied
from .gather import (
    add_rows,
    check_index,
    gather_backward,
    gather_forward,
    numbers_for_kernels,
    places,
    run_checked,
    scatter_add_integers,
    scatter_forward,
)
from .getitem import getitem, rows
from .reshape import reshape
from .setitem import setitem
from .where import where_forward


def _check_source(name: str, x: Any, source: Any, key: str = "src") -> Array:
    array = check_array(name, key, source)
    if array.dtype != x.dtype:
        raise TypeError(f"{name}: {key} is {array.dtype} but input is {x.dtype}; convert one of them")
    return array


def _part(name: str, src: Any, shape: tuple[int, ...]) -> Any:
    """Where the numbers for an index of this shape lie in src."""
    if src.shape == shape:
        return ...
    if src.ndim != len(shape) or any(n > m for n, m in zip(shape, src.shape, strict=True)):
        raise ValueError(f"{name}: index has shape {shape} but must fit into src, {src.shape}")
    return tuple(slice(n) for n in shape)


def _added(name: str, x: Array, values: Array, index: Array, d: int) -> Array:
    """x with values added along dimension d, whole numbers in 64 bits; of flags the sum is not 0 if one is set."""
    if x.dtype.kind == "f":
        y = copied(x)
        run_checked(name, gather_backward, along(values, d), index, along(y, d), x.shape[d])
        return y
    wide, add = (np.float32, gather_backward) if x.dtype.kind == "b" else (np.int64, scatter_add_integers)
    y = x.astype(wide, order="C")
    run_checked(name, add, along(values.astype(wide, copy=False), d), index, along(y, d), x.shape[d])
    return y.astype(x.dtype, copy=False)


def _add_rows(y: Array, numbers: Array, values: Array) -> None:
    """y[numbers[m]] += values[m] for rows of y (N, D)."""
    if y.dtype.kind == "f":
        add_rows(values, numbers, y)
    elif y.shape[1] == 1:
        np.add.at(y.reshape(-1), numbers, values.reshape(-1))  # numpy is quick with vectors
    else:
        np.add.at(y, numbers, values)


@op("input", "src")
def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Any:
    """input with src added where index says."""
    x = check_array("scatter_add", "input", input)
    values = _check_source("scatter_add", x, src)
    if x.ndim == 0:
        raise ValueError("scatter_add: input has no dimension to add along")
    d = check_dim("scatter_add", dim, x.ndim)
    numbers = numbers_for_kernels(index, x, d)
    if numbers is not None:
        part = _part("scatter_add", values, numbers.shape)
        lines = along(numbers, d)
        y = _added("scatter_add", x, values if part is ... else values[part], lines, d)

        def taken(dy, needs):
            dsrc = None
            if needs[1]:
                dsrc = empty(values.shape, dy.dtype)
                whole = dsrc if values.shape == numbers.shape else empty(numbers.shape, dy.dtype)
                gather_forward(along(dy, d), lines, along(whole, d))
                if whole is not dsrc:
                    dsrc[...] = 0
                    dsrc[part] = whole
            return dy, dsrc

        return y, taken, ()
    index = places("scatter_add", x.shape, dim, index)
    shape = np.broadcast_shapes(*(each.shape for each in index))
    part = _part("scatter_add", values, shape)
    y = copied(x)
    _add_rows(y.reshape(-1, 1), rows(x.shape, index)[0], values[part].reshape(-1, 1))

    def gradient(dy, needs):
        dsrc = None
        if needs[1]:
            dsrc = np.zeros(values.shape, dy.dtype)
            dsrc[part] = dy[index]
        return dy, dsrc

    return y, gradient, ()


@op("input", "source")
def index_add(input: Any, dim: int, index: Any, source: Any, alpha: float = 1) -> Any:
    """input with alpha times the parts of source added to those that index, a vector, names along dim."""
    x = check_array("index_add", "input", input)
    values = _check_source("index_add", x, source, "source")
    if x.ndim == 0:
        raise ValueError("index_add: input has no dimension to add along")
    d, scale = check_dim("index_add", dim, x.ndim), check_number("index_add", "alpha", alpha)
    numbers = usual_numbers(index, x, d)
    if numbers is None:
        numbers = check_index("index_add", index, x.shape[d]).copy()
    if numbers.ndim != 1 or values.shape != (*x.shape[:d], numbers.size, *x.shape[d + 1 :]):
        raise ValueError(
            f"index_add: index has shape {numbers.shape} and source {values.shape}, but for input {x.shape} index must "
            f"be a vector and source must have a part for each of its elements along dimension {d}"
        )
    added = values if scale == 1 else (values * scale).astype(x.dtype)
    A, B = math.prod(x.shape[:d]), math.prod(x.shape[d + 1 :])
    y = _added("index_add", x, added, for_all(numbers, A, B), d)

    def gradient(dy, needs):
        dsource = np.take(dy, numbers, d) if needs[1] else None
        return dy, dsource if scale == 1 or dsource is None else dsource * dy.dtype.type(scale)

    return y, gradient, ()


@op("input", "src")
def _scattered(input: Any, src: Any, d: int, index: Any) -> Any:
    """scatter of an array as large as index."""
    numbers: Any = numbers_for_kernels(index, input, d)
    y, index = copied(input), along(numbers, d)
    run_checked("scatter", scatter_forward, along(src, d), index, along(y, d), y.shape[d])

    def gradient(dy, needs):
        dx = dsrc = None
        if needs[0]:
            dx = copied(dy)
            scatter_forward(np.broadcast_to(dy.dtype.type(0), index.shape), index, along(dx, d))
        if needs[1]:
            dsrc = empty(numbers.shape, dy.dtype)
            gather_forward(along(dy, d), index, along(dsrc, d))
            # Of several numbers for one place only the last went there.
            exact = np.float32 if index.size <= 2**24 else np.float64
            order = np.arange(index.size, dtype=exact).reshape(index.shape)
            last, there = empty(along(dy, d).shape, exact), empty(index.shape, exact)
            scatter_forward(order, index, last)
            gather_forward(last, index, there)
            stays = order == there
            if not stays.all():
                lines = along(dsrc, d)
                where_forward(stays, lines, np.zeros((), dy.dtype), lines)
        return dx, dsrc

    return y, gradient, ()


def scatter(input: Any, dim: int, index: Any, src: Any) -> Tensor:
    """input with the numbers of src, or one number, where index says."""
    x = as_tensor("scatter", input)
    if x.ndim == 0:
        return reshape(scatter(reshape(x, 1), dim, reshape(as_tensor("scatter", index), -1), src), ())
    d = check_dim("scatter", dim, x.ndim)
    numbers = numbers_for_kernels(index, x.data, d)
    is_number = isinstance(src, bool | int | float)
    value = src
    if not is_number:
        value = as_tensor("scatter", src)
        _check_source("scatter", x, value.data)
        if value.ndim and numbers is not None:
            part = _part("scatter", value, numbers.shape)
            return _scattered(x, value if value.shape == numbers.shape else getitem(value, part), d, index)
    elif numbers is not None:
        number = np.array(check_fill("scatter", "src", src, x.dtype), x.dtype)
        return _scattered(x, repeated(number, (1,) * x.ndim, numbers.shape), d, index)
    index = places("scatter", x.shape, dim, index)
    if not is_number and value.ndim:
        value = getitem(value, _part("scatter", value, np.broadcast_shapes(*(each.shape for each in index))))
    return setitem(clone(x), value, index)
