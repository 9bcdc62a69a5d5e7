"""gather: elements that integers name along one dimension.

    gather          y[i, j, k] = x[index[i, j, k], j, k]      for dim = 0, and so on
    index_select    y[.., n, ..] = x[.., index[n], ..]

The way back, numbers put or added there, is in scatter_add.py, whose kernels are these.

Shapes    gather: index of as many dimensions as x, nowhere larger than x but for dim; index_select: index (N)
Gradient  dx = dy where the elements came from, added up where index names one twice
Source    Harris et al., "Array programming with NumPy", Nature 585 (2020), for take_along_axis
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._compiled import along, for_all, usual_numbers
from ..arguments import Array, check_array, check_dim
from ..op import empty, gradient_wanted, kernel, op
from ..tensor import Tensor
from .clone import copy, is_moved, zeros


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


@kernel(writes="y")
def scatter_add_integers(src, index, y):
    """gather_backward for int64, modulo 2^64."""
    gather_backward.reference(src, index, y)


@kernel(writes="y")
def pick_forward(x, row, column, y):
    for m in np.ndindex(y.shape):
        y[m] = x[row[m], column[m]]


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


@scatter_add_integers.samples
def _(draw):
    shape, index = _draw(draw)
    return {"src": draw.integers(index.shape, -9, 9), "index": index, "y": draw.integers(shape, -9, 9)}


@pick_forward.samples
def _(draw):
    shape, size = (draw.integer(1, 6), draw.integer(1, 6)), draw.integer(0, 70)
    row, column = (draw.integers((size,), 0, each - 1) for each in shape)
    return {"x": draw.array(shape), "row": row, "column": column, "y": draw.out((size,))}


def check_index(name: str, index: Any, size: int, key: str = "index") -> Array:
    """index as an array of integers from 0 to size - 1."""
    array = check_array(name, key, index.data if isinstance(index, Tensor) else index)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name}: {key} has dtype {array.dtype} but must hold integers")
    if array.size and not 0 <= array.min() <= array.max() < size:
        raise IndexError(f"{name}: {key} has numbers from {array.min()} to {array.max()} but must lie in 0..{size - 1}")
    return array.astype(np.int64, copy=False)


def places(name: str, shape: tuple[int, ...], dim: Any, index: Any) -> tuple[Array, ...]:
    """The index arrays of all dimensions that name x[index[i, j, k], j, k]; x has at least one dimension."""
    d = check_dim(name, dim, len(shape))
    array = check_index(name, index, shape[d])
    others = [k for k in range(len(shape)) if k != d]
    if array.ndim != len(shape) or any(array.shape[k] > shape[k] for k in others):
        raise ValueError(f"{name}: index has shape {array.shape} but must fit into {shape} in all but dimension {d}")
    last = array.ndim - 1
    return tuple(array if k == d else np.arange(n).reshape(n, *(1,) * (last - k)) for k, n in enumerate(array.shape))


def add_along(dy: Array, index: Array, dx: Array, d: int) -> None:
    """dx[.., index[.., m, ..], ..] += dy[.., m, ..] along dimension d, for floats."""
    gather_backward(along(dy, d), along(index, d), along(dx, d))


def take_rows(x: Array, numbers: Array, y: Array) -> None:
    """y[m] = x[numbers[m]] for rows: x (N, D), y (*, D) without gaps."""
    gather_forward(*arrays_of_rows(x, numbers, y))


def arrays_of_rows(x: Array, numbers: Array, y: Array) -> tuple[Array, ...]:
    """What gather_forward takes for that."""
    D = x.shape[1]
    return along(x, 0), for_all(numbers, 1, D), y.reshape(1, numbers.size, D)


def add_rows(dy: Array, numbers: Array, dx: Array) -> None:
    """dx[numbers[m]] += dy[m] for rows: dy (M, D), dx (N, D)."""
    gather_backward(dy[None], for_all(numbers, 1, dy.shape[1]), dx[None])


def numbers_for_kernels(index: Any, x: Array, d: int) -> Array | None:
    """index for the kernels, where they do the work: numbers they take, and all of x but for dimension d."""
    usual: Array | None = usual_numbers(index, x, d)
    if usual is not None:
        return usual if usual.ndim == x.ndim else None
    array = index.data if isinstance(index, Tensor) else index
    if not is_moved(x) or x.size == 0 or not isinstance(array, np.ndarray) or array.dtype.kind not in "iu":
        return None
    if array.ndim != x.ndim or array.shape[:d] != x.shape[:d] or array.shape[d + 1 :] != x.shape[d + 1 :]:
        return None
    # A gradient must not see later changes.
    return array.astype(np.int64, copy=gradient_wanted())


def run_checked(name: str, forward: Any, one: Array, index: Array, other: Array, size: int) -> None:
    """The kernel, which refuses what is outside; this says what it was."""
    try:
        forward(one, index, other)
    except (ValueError, IndexError):
        check_index(name, index, size)
        raise


def _taken(name: str, lines: Array, d: int, index: Array, of: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """What gather and index_select return, for an input (A, K, B) and an index (A, M, B), and their proper shapes."""
    y = empty(shape, lines.dtype)
    run_checked(name, gather_forward, lines, index, along(y, d), lines.shape[1])

    def gradient(dy, needs):
        dx = zeros(of, lines.dtype)
        gather_backward(along(dy, d), index, along(dx, d))
        return dx

    return y, gradient, ()


@op("input")
def gather(input: Any, dim: int, index: Any) -> Any:
    """The elements of input that index names along dim."""
    x = check_array("gather", "input", input)
    if not x.ndim:
        numbers = check_array("gather", "index", index.data if isinstance(index, Tensor) else index)
        places("gather", (1,), dim, numbers.reshape(-1))  # which refuses what is not 0
        return _repeated(x, numbers.shape)
    d = check_dim("gather", dim, x.ndim)
    usual = numbers_for_kernels(index, x, d)
    if usual is not None:
        return _taken("gather", along(x, d), d, along(usual, d), x.shape, usual.shape)
    numbers = places("gather", x.shape, d, index)[d]
    numbers = numbers.copy() if gradient_wanted() else numbers
    # An index that is smaller than x elsewhere, too, is for a corner of it.
    corner = tuple(slice(x.shape[k] if k == d else size) for k, size in enumerate(numbers.shape))
    near = x[corner]
    y, gradient, saved = _taken("gather", along(near, d), d, along(numbers, d), near.shape, numbers.shape)

    def gradient_of_all(dy, needs):
        dx = zeros(x.shape, x.dtype)
        copy(gradient(dy, needs), dx[corner])
        return dx

    return y, gradient_of_all, saved


@op("input")
def index_select(input: Any, dim: int, index: Any) -> Any:
    """The parts of input that index, a vector, names along dim."""
    x = check_array("index_select", "input", input)
    d = check_dim("index_select", dim, x.ndim)
    numbers = usual_numbers(index, x, d) if x.ndim else None
    if numbers is None or numbers.ndim != 1:
        numbers = check_index("index_select", index, x.shape[d] if x.ndim else 1)
        if numbers.ndim > 1:
            raise ValueError(f"index_select: index must be a vector, but has shape {numbers.shape}")
        numbers = numbers.reshape(-1).copy()
    if not x.ndim:
        return _repeated(x, () if numbers.size == 1 else numbers.shape)
    lines = along(x, d)
    index = for_all(numbers, lines.shape[0], lines.shape[2])
    return _taken("index_select", lines, d, index, x.shape, (*x.shape[:d], numbers.size, *x.shape[d + 1 :]))


def _repeated(x: Array, shape: tuple[int, ...]) -> Any:
    """What gather and index_select return for an input without dimensions."""
    return np.full(shape, x), lambda dy, needs: np.asarray(dy.sum()), ()
