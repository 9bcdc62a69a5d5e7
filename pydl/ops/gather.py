"""gather: elements that integers name along one dimension, or a mask; scatter: numbers put, or added, there.

    gather          y[i, j, k] = x[index[i, j, k], j, k]      for dim = 0, and so on
    scatter         y = x but for y[index[i, j, k], j, k] = src[i, j, k]      scatter_add: += src[i, j, k]
    index_select    y[.., n, ..] = x[.., index[n], ..]
    index_add       y = x but for y[.., index[n], ..] += alpha source[.., n, ..]
    masked_fill     y = value where mask, else x              masked_select: y = x[mask]

Shapes    gather, scatter: index of as many dimensions as x and src, nowhere larger than src and, but for dim, than x;
          index_select, index_add: index (N); masks broadcast with x
Gradient  dx = dy where the elements went, added up where index names one twice; 0 where scatter wrote; dsrc = dy there
Source    Harris et al., "Array programming with NumPy", Nature 585 (2020), for take_along_axis, put_along_axis, add.at
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._compiled import along
from ..arguments import Array, check_array, check_dim, check_fill, check_number
from ..op import empty, gradient_wanted, kernel, op
from ..tensor import Tensor, as_tensor
from .broadcasting import broadcast_shape
from .clone import clone, copied, reshaped, to
from .getitem import getitem, getitem_backward, rows
from .reshape import reshape
from .setitem import setitem
from .where import where, where_forward


@kernel(writes="y")
def gather_forward(x, index, y):
    for a, m, b in np.ndindex(index.shape):
        y[a, m, b] = x[a, index[a, m, b], b]


@kernel(writes="dx")
def gather_backward(dy, index, dx):
    for a, m, b in np.ndindex(index.shape):
        dx[a, index[a, m, b], b] += dy[a, m, b]


@kernel(writes="y")
def scatter_forward(src, index, y):
    for a, m, b in np.ndindex(index.shape):
        y[a, index[a, m, b], b] = src[a, m, b]


def _draw(draw):
    A, K, M, B = draw.integer(0, 4), draw.integer(1, 6), draw.integer(0, 20), draw.choice(1, draw.integer(0, 40))
    index = draw.integers((A, M, B), 0, K - 1)
    if draw.choice(True, False) and M:
        index = np.broadcast_to(draw.integers((1, M, 1), 0, K - 1), (A, M, B))
    return (A, K, B), index


@gather_forward.samples
def _(draw):
    shape, index = _draw(draw)
    return {"x": draw.array(shape), "index": index, "y": draw.out(index.shape)}


@gather_backward.samples
def _(draw):
    shape, index = _draw(draw)
    return {"dy": draw.array(index.shape), "index": index, "dx": draw.array(shape).copy()}


@scatter_forward.samples
def _(draw):
    shape, index = _draw(draw)
    return {"src": draw.array(index.shape), "index": index, "y": draw.array(shape).copy()}


def check_index(name: str, index: Any, size: int, key: str = "index") -> Array:
    """index as an array of integers from 0 to size - 1."""
    array = check_array(name, key, index.data if isinstance(index, Tensor) else index)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name}: {key} has dtype {array.dtype} but must hold integers")
    if array.size and not 0 <= array.min() <= array.max() < size:
        raise IndexError(f"{name}: {key} has numbers from {array.min()} to {array.max()} but must lie in 0..{size - 1}")
    return array.astype(np.int64, copy=False)


def _places(name: str, shape: tuple[int, ...], dim: Any, index: Any) -> tuple[Array, ...]:
    """The index arrays of all dimensions that name x[index[i, j, k], j, k]; x has at least one dimension."""
    d = check_dim(name, dim, len(shape))
    array = check_index(name, index, shape[d])
    others = [k for k in range(len(shape)) if k != d]
    if array.ndim != len(shape) or any(array.shape[k] > shape[k] for k in others):
        raise ValueError(f"{name}: index has shape {array.shape} but must fit into {shape} in all but dimension {d}")
    last = array.ndim - 1
    return tuple(array if k == d else np.arange(n).reshape(n, *(1,) * (last - k)) for k, n in enumerate(array.shape))


def _three(x: Array, d: int) -> Array:
    """x as the kernels take it: dimension d in the middle, and all before and all behind it as one each."""
    if not x.flags.c_contiguous:
        return reshaped(x, (math.prod(x.shape[:d]), x.shape[d], math.prod(x.shape[d + 1 :])))
    three: Array = along(x, d)
    return three


def add_along(dy: Array, index: Array, dx: Array, d: int) -> None:
    """dx[.., index[.., m, ..], ..] += dy[.., m, ..] along dimension d, for floats."""
    gather_backward(_three(dy, d), _three(index, d), dx.reshape(_three(dx, d).shape))


def _numbers(index: Any, x: Array, d: int) -> Array | None:
    """index for the kernels, where they do the work: floats, and all of x but for dimension d."""
    array = index.data if isinstance(index, Tensor) else index
    if x.dtype.kind != "f" or x.size == 0 or not isinstance(array, np.ndarray) or array.dtype.kind not in "iu":
        return None
    if array.ndim != x.ndim or array.shape[:d] != x.shape[:d] or array.shape[d + 1 :] != x.shape[d + 1 :]:
        return None
    # A gradient must not see later changes.
    return array.astype(np.int64, copy=gradient_wanted())


def _for_all(numbers: Array, A: int, B: int) -> Array:
    """A vector without gaps as (A, M, B). numpy's broadcast_to() takes longer than the work on a small tensor."""
    return np.ndarray((A, numbers.size, B), np.int64, numbers, 0, (0, 8, 0))


def _run(name: str, forward: Any, one: Array, index: Array, other: Array, size: int) -> None:
    """The kernel, which refuses what is outside; this says what it was."""
    try:
        forward(one, index, other)
    except (ValueError, IndexError):
        check_index(name, index, size)
        raise


@op("input")
def _taken(input: Any, name: str, d: int, numbers: Any) -> Any:
    """gather, and index_select with a vector of numbers."""
    x, is_vector = input, numbers.ndim == 1 and input.ndim > 1
    lines = _three(x, d)
    A, _, B = lines.shape
    shape = (*x.shape[:d], numbers.size, *x.shape[d + 1 :]) if is_vector else numbers.shape
    index = _for_all(numbers, A, B) if is_vector else _three(numbers, d)
    y = empty(shape, x.dtype)
    _run(name, gather_forward, lines, index, _three(y, d), x.shape[d])

    def gradient(dy, needs):
        dx = empty(x.shape, x.dtype)
        dx[...] = 0
        gather_backward(_three(dy, d), index, _three(dx, d))
        return dx

    return y, gradient, ()


def gather(input: Any, dim: int, index: Any) -> Tensor:
    """The elements of input that index names along dim."""
    x = as_tensor("gather", input)
    if x.ndim:
        d = check_dim("gather", dim, x.ndim)
        found = _numbers(index, x.data, d)
        if found is not None:
            return _taken(x, "gather", d, found)
        return getitem(x, _places("gather", x.shape, dim, index))
    numbers = check_array("gather", "index", index.data if isinstance(index, Tensor) else index)
    return reshape(getitem(reshape(x, 1), _places("gather", (1,), dim, numbers.reshape(-1))), numbers.shape)


def index_select(input: Any, dim: int, index: Any) -> Tensor:
    """The parts of input that index, a vector, names along dim."""
    x = as_tensor("index_select", input)
    d = check_dim("index_select", dim, x.ndim)
    array = index.data if isinstance(index, Tensor) else index
    is_vector = isinstance(array, np.ndarray) and array.ndim == 1 and array.dtype.kind in "iu"
    if is_vector and x.ndim and x.data.size and x.dtype.kind == "f":
        numbers = array.astype(np.int64, copy=gradient_wanted() or not array.flags.c_contiguous)
        return _taken(x, "index_select", d, numbers)
    numbers = check_index("index_select", index, x.shape[d] if x.ndim else 1)
    if numbers.ndim > 1:
        raise ValueError(f"index_select: index must be a vector, but has shape {numbers.shape}")
    if not x.ndim:
        return x if numbers.size == 1 else getitem(reshape(x, 1), numbers.reshape(-1))
    return getitem(x, (*(slice(None),) * d, numbers.reshape(-1)))


def _check_source(name: str, x: Any, source: Any, key: str = "src") -> Array:
    array = check_array(name, key, source)
    if array.dtype != x.dtype:
        raise TypeError(f"{name}: {key} is {array.dtype} but input is {x.dtype}; convert one of them")
    return array


def _part(name: str, src: Any, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Where the numbers for an index of this shape lie in src."""
    if src.ndim != len(shape) or any(n > m for n, m in zip(shape, src.shape, strict=True)):
        raise ValueError(f"{name}: index has shape {shape} but must fit into src, {src.shape}")
    return tuple(slice(n) for n in shape)


def _add_rows(y: Array, numbers: Array, values: Array) -> None:
    """y[numbers[m]] += values[m] for rows of y (N, D)."""
    if y.dtype.kind == "f":
        getitem_backward(values, numbers, y)
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
    numbers = _numbers(index, x, d)
    if numbers is not None:
        part = _part("scatter_add", values, numbers.shape)
        y, places = copied(x), _three(numbers, d)
        _run("scatter_add", gather_backward, _three(values[part], d), places, _three(y, d), x.shape[d])

        def taken(dy, needs):
            dsrc = None
            if needs[1]:
                dsrc = empty(values.shape, dy.dtype)
                whole = dsrc if values.shape == numbers.shape else empty(numbers.shape, dy.dtype)
                gather_forward(_three(dy, d), places, _three(whole, d))
                if whole is not dsrc:
                    dsrc[...] = 0
                    dsrc[part] = whole
            return dy, dsrc

        return y, taken, ()
    index = _places("scatter_add", x.shape, dim, index)
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
    numbers = check_index("index_add", index, x.shape[d])
    if numbers.ndim != 1 or values.shape != (*x.shape[:d], numbers.size, *x.shape[d + 1 :]):
        raise ValueError(
            f"index_add: index has shape {numbers.shape} and source {values.shape}, but for input {x.shape} index must "
            f"be a vector and source must have a part for each of its elements along dimension {d}"
        )
    numbers, y = numbers.copy(), copied(x)
    added = values if scale == 1 else (values * scale).astype(x.dtype)
    lines = _three(y, d)
    A, K, B = lines.shape
    if x.dtype.kind != "f":
        np.add.at(lines.swapaxes(0, 1), numbers, added.reshape(A, numbers.size, B).swapaxes(0, 1))
    elif A == 1:
        getitem_backward(added.reshape(numbers.size, B), numbers, lines.reshape(K, B))
    else:
        gather_backward(_three(added, d), _for_all(numbers, A, B), lines)

    def gradient(dy, needs):
        dsource = np.take(dy, numbers, d) if needs[1] else None
        return dy, dsource if scale == 1 or dsource is None else dsource * dy.dtype.type(scale)

    return y, gradient, ()


@op("input", "src")
def _scattered(input: Any, src: Any, d: int, numbers: Any) -> Any:
    """scatter of an array as large as index."""
    y, index = copied(input), _three(numbers, d)
    _run("scatter", scatter_forward, _three(src, d), index, _three(y, d), y.shape[d])

    def gradient(dy, needs):
        dx = dsrc = None
        if needs[0]:
            dx = copied(dy)
            scatter_forward(np.broadcast_to(dy.dtype.type(0), index.shape), index, _three(dx, d))
        if needs[1]:
            dsrc = empty(numbers.shape, dy.dtype)
            gather_forward(_three(dy, d), index, _three(dsrc, d))
            # Of several numbers for one place only the last went there.
            exact = np.float32 if index.size <= 2**24 else np.float64
            order = np.arange(index.size, dtype=exact).reshape(index.shape)
            last, there = empty(_three(dy, d).shape, exact), empty(index.shape, exact)
            scatter_forward(order, index, last)
            gather_forward(last, index, there)
            stays = order == there
            if not stays.all():
                lines = _three(dsrc, d)
                where_forward(stays, lines, np.zeros((), dy.dtype), lines)
        return dx, dsrc

    return y, gradient, ()


def scatter(input: Any, dim: int, index: Any, src: Any) -> Tensor:
    """input with the numbers of src, or one number, where index says."""
    x = as_tensor("scatter", input)
    if x.ndim == 0:
        return reshape(scatter(reshape(x, 1), dim, reshape(as_tensor("scatter", index), -1), src), ())
    d = check_dim("scatter", dim, x.ndim)
    numbers = _numbers(index, x.data, d)
    is_number = isinstance(src, bool | int | float)
    value = src
    if not is_number:
        value = as_tensor("scatter", src)
        _check_source("scatter", x, value.data)
        if value.ndim and numbers is not None:
            part = _part("scatter", value, numbers.shape)
            return _scattered(x, value if value.shape == numbers.shape else getitem(value, part), d, numbers)
    index = _places("scatter", x.shape, dim, index)
    if not is_number and value.ndim:
        value = getitem(value, _part("scatter", value, np.broadcast_shapes(*(each.shape for each in index))))
    return setitem(clone(x), value, index)


def check_mask(name: str, mask: Any) -> Array:
    array = check_array(name, "mask", mask.data if isinstance(mask, Tensor) else mask)
    if array.dtype.kind != "b":
        raise TypeError(f"{name}: mask has dtype {array.dtype} but must be bool; compare it with something")
    return array


def masked_fill(input: Any, mask: Any, value: Any) -> Tensor:
    """input with `value`, one number, where mask is True."""
    x, chosen = as_tensor("masked_fill", input), check_mask("masked_fill", mask)
    broadcast_shape("masked_fill", x.data, chosen)
    if isinstance(value, Tensor):
        if value.ndim:
            raise ValueError(f"masked_fill: value must be one number, but has shape {value.shape}")
        return where(chosen, to(value, x.dtype), x)
    return where(chosen, np.asarray(check_fill("masked_fill", "value", value, x.dtype), x.dtype), x)


def masked_select(input: Any, mask: Any) -> Tensor:
    """The elements of input where mask is True, as a vector."""
    x, chosen = as_tensor("masked_select", input), check_mask("masked_select", mask)
    shape = broadcast_shape("masked_select", x.data, chosen)
    return getitem(x if x.shape == shape else x.expand(shape), np.broadcast_to(chosen, shape))
