"""expand: dimensions of size 1 repeated, without a copy (also named broadcast_to); repeat, tile: any, with copies.

    expand              y[.., i, ..] = x[.., 0, ..] where x has size 1, else x[.., i, ..]
    repeat              y[.., i, ..] = x[.., i mod I, ..]
    repeat_interleave   y[.., i, ..] = x[.., i div repeats, ..]

Shapes    x (*), y as asked: new dimensions in front, and for an existing one its own size, any if it is 1, or -1
Gradient  dx = dy summed over the repeated dimensions
Memory    of expand: shared with x and read-only, since one number stands for many
Source    Harris et al., "Array programming with NumPy", Nature 585 (2020)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._compiled import remembered, repeated
from ..arguments import check_array, check_dim, check_shape
from ..op import empty, op
from ..tensor import Tensor, as_tensor
from .add import add_forward
from .broadcasting import fit
from .clone import MOST_DIMENSIONS, copied, copy, reshaped
from .gather import index_select
from .reshape import reshape

MOST_SUMMANDS = 8  # of a gradient that are added one after the other


@remembered
def _shapes(name: str, shape: tuple[int, ...], low: int, *size: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """That of x with all dimensions of the result, and that of the result."""
    asked = check_shape(name, size, low)
    old = (None,) * (len(asked) - len(shape)) + shape
    if len(asked) < len(shape) or not all(
        new >= 0 if mine is None else mine in (new, 1) or new == -1 for mine, new in zip(old, asked, strict=True)
    ):
        raise ValueError(f"{name}: input of shape {shape} cannot be repeated to {asked}")
    new = tuple(mine if new == -1 else new for mine, new in zip(old, asked, strict=True))
    return (1,) * (len(asked) - len(shape)) + shape, new  # type: ignore[return-value]


def _expanded(name: str, input: Any, size: tuple[Any, ...], low: int) -> Any:
    """What both operations do."""
    x = check_array(name, "input", input)
    return repeated(x, *_shapes(name, x.shape, low, *size)), lambda dy, needs: fit(dy, (x.shape, x.dtype)), ()


@op("input", view=True)
def expand(input: Any, *size: Any) -> Any:
    """The elements repeated to a larger shape; -1 keeps a size. See the top of this file."""
    return _expanded("expand", input, size, -1)


@op("input", view=True)
def broadcast_to(input: Any, *size: Any) -> Any:
    """The elements repeated to a larger shape. See the top of this file."""
    return _expanded("broadcast_to", input, size, 0)


@op("input", view=True)
def along_a_grid(input: Any, ones: tuple[int, ...], whole: tuple[int, ...]) -> Any:
    """A vector along the dimension of the shape `whole` for which `ones` has its size, repeated along the others."""
    x = check_array("meshgrid", "tensors", input)
    return repeated(x, ones, whole), lambda dy, needs: fit(dy, (ones, x.dtype)).reshape(x.shape), ()


@remembered
def _copies(name: str, old: tuple[int, ...], counts: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """The shapes of y, and of y and x with a dimension of its own for the copies along each."""
    sizes = (1,) * (len(counts) - len(old)) + old
    shape = check_shape(name, ([count * size for count, size in zip(counts, sizes, strict=True)],))
    pairs, apart = [], []
    for count, size in zip(counts, sizes, strict=True):
        pairs += [count, size] if count != 1 else [size]
        apart += [1, size] if count != 1 else [size]
    return shape, tuple(pairs), tuple(apart)


def _repeated(x: Tensor, name: str, counts: tuple[int, ...]) -> Tensor:
    grown = [k for k, count in enumerate(counts) if count != 1]
    if len(counts) + len(grown) > MOST_DIMENSIONS and len(grown) > 1:  # half of them first
        middle = grown[len(grown) // 2]
        x = _repeated(x, name, tuple([count if k < middle else 1 for k, count in enumerate(counts)]))
        return _repeated(x, name, tuple([1 if k < middle else count for k, count in enumerate(counts)]))
    y: Tensor = _repeated_at_once(x, name, counts)
    return y


@op("input")
def _repeated_at_once(input: Any, name: str, counts: tuple[int, ...]) -> Any:
    shape, pairs, apart = _copies(name, input.shape, counts)
    y = empty(shape, input.dtype)
    copy(repeated(reshaped(input, apart), apart, pairs), y.reshape(pairs))
    return y, lambda dy, needs: fit(dy.reshape(pairs), (apart, input.dtype)).reshape(input.shape), ()


def repeat(input: Any, *repeats: Any) -> Tensor:
    """x.repeat(2, 3): copies of x, so many along each dimension; more numbers than dimensions add some in front."""
    x, counts = as_tensor("repeat", input), check_shape("repeat", repeats)
    if len(counts) < x.ndim:
        raise ValueError(f"repeat: repeats {counts} has fewer numbers than input {x.shape} has dimensions")
    return _repeated(x, "repeat", counts)


def tile(input: Any, *dims: Any) -> Tensor:
    """As repeat, but fewer numbers than dimensions are those of the last ones."""
    x, counts = as_tensor("tile", input), check_shape("tile", dims)
    return _repeated(x, "tile", (1,) * (x.ndim - len(counts)) + counts)


@op("input")
def _each_repeated(input: Any, d: int, count: int) -> Any:
    """repeat_interleave by one number."""
    x = input if input.flags.c_contiguous else copied(input)
    A, N, B = math.prod(x.shape[:d]), x.shape[d], math.prod(x.shape[d + 1 :])
    shape = check_shape("repeat_interleave", (*x.shape[:d], N * count, *x.shape[d + 1 :]))
    y, lines, bytes = empty(shape, x.dtype), (A * N, count, B), x.itemsize
    copy(np.ndarray(lines, x.dtype, x, 0, (B * bytes, 0, bytes)), y.reshape(lines))

    def gradient(dy, needs):
        dy = reshaped(dy, lines)
        if count > MOST_SUMMANDS or count == 0:
            return fit(dy, ((A * N, 1, B), x.dtype)).reshape(x.shape)
        dx = copied(dy[:, 0])
        for k in range(1, count):
            add_forward(dx, dy[:, k], dx)
        return dx.reshape(x.shape)

    return y, gradient, ()


def repeat_interleave(input: Any, repeats: Any, dim: int | None = None) -> Tensor:
    """Each element along dim `repeats` times, one number or one for each; without dim, of the flattened input."""
    x = as_tensor("repeat_interleave", input)
    if type(repeats) is int and repeats >= 0 and x.ndim and (dim is not None or x.ndim == 1):
        return _each_repeated(x, check_dim("repeat_interleave", 0 if dim is None else dim, x.ndim), repeats)
    x = reshape(x, -1) if dim is None or x.ndim == 0 else x
    d = check_dim("repeat_interleave", 0 if dim is None else dim, x.ndim)
    counts = check_array("repeat_interleave", "repeats", repeats.data if isinstance(repeats, Tensor) else repeats)
    if counts.dtype.kind not in "iu" or counts.shape not in ((), (1,), (x.shape[d],)) or (counts < 0).any():
        raise ValueError(
            f"repeat_interleave: repeats must be an integer of at least 0, or {x.shape[d]} for dim {d} of {x.shape}"
        )
    if counts.size == 1:
        return _each_repeated(x, d, int(counts.item()))
    check_shape("repeat_interleave", (*x.shape[:d], int(counts.astype(float).sum()), *x.shape[d + 1 :]))
    return index_select(x, d, np.repeat(np.arange(x.shape[d]), counts.astype(np.int64)))
