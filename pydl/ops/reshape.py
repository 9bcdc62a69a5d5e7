"""reshape: the same elements in another shape; so do view, flatten, squeeze, unsqueeze.

    y.flat[i] = x.flat[i]      (row-major order)

Shapes    reshape, view: as asked, one size may be -1 and follows from the others
          flatten: the dimensions start_dim to end_dim become one; squeeze, unsqueeze: take away, put in a size 1
Gradient  dx = dy in the shape of x
Memory    shared with x where its strides allow it (view refuses where they do not), else copied
Source    Harris et al., "Array programming with NumPy", Nature 585 (2020)
"""

from __future__ import annotations

import math
from typing import Any

from .._compiled import remembered
from ..arguments import check_array, check_dim, check_dims, check_new_dim, check_shape
from ..op import op
from .clone import is_view, reshaped


def in_shape(x: Any, shape: tuple[int, ...]) -> Any:
    """What all of these operations return."""
    old = x.shape
    return reshaped(x, shape), lambda dy, needs: dy.reshape(old), ()


def complete(name: str, x: Any, shape: tuple[Any, ...]) -> tuple[int, ...]:
    """The shape with its -1 replaced."""
    return _complete(
        name, x.shape, tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
    )


@remembered
def _complete(name: str, old: tuple[int, ...], shape: tuple[Any, ...]) -> tuple[int, ...]:
    sizes, size = check_shape(name, shape, low=-1), math.prod(old)
    known = math.prod(each for each in sizes if each != -1)
    unknown = sizes.count(-1)
    if unknown > 1:
        raise ValueError(f"{name}: only one size can follow from the others, but {sizes} has {unknown} times -1")
    if unknown == 1:
        if known == 0 or size % known:
            raise ValueError(f"{name}: {size} elements of shape {old} do not fill the shape {sizes}")
        return tuple(size // known if each == -1 else each for each in sizes)
    if known != size:
        raise ValueError(f"{name}: input has {size} elements of shape {old}, but {sizes} has {known}")
    return sizes


@op("input", view=True)
def reshape(input: Any, *shape: Any) -> Any:
    """The elements in another shape: reshape(x, 2, -1) or reshape(x, (2, -1)). See the top of this file."""
    x = check_array("reshape", "input", input)
    return in_shape(x, complete("reshape", x, shape))


@op("input", view=True)
def view(input: Any, *shape: Any) -> Any:
    """As reshape, but never a copy: ValueError where the strides do not allow the shape."""
    x = check_array("view", "input", input)
    new = complete("view", x, shape)
    if not is_view(x, new):
        raise ValueError(f"view: input {x.shape} is strided, so that {new} needs a copy; use reshape()")
    return in_shape(x, new)


@op("input", view=True)
def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """The dimensions start_dim to end_dim, both included, as one. See the top of this file."""
    x = check_array("flatten", "input", input)
    return in_shape(x, _flattened(x.shape, start_dim, end_dim))


@remembered
def _flattened(old: tuple[int, ...], start_dim: Any, end_dim: Any) -> tuple[int, ...]:
    rank = len(old)
    first, last = check_dim("flatten", start_dim, rank, "start_dim"), check_dim("flatten", end_dim, rank, "end_dim")
    if first > last:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim} (input {old})")
    return (*old[:first], math.prod(old[first : last + 1]), *old[last + 1 :])


@op("input", view=True)
def squeeze(input: Any, dim: int | tuple[int, ...] | None = None) -> Any:
    """Without the dimensions of size 1: all, or those of `dim` that are of size 1. See the top of this file."""
    x = check_array("squeeze", "input", input)
    return in_shape(x, _squeezed(x.shape, dim))


@remembered
def _squeezed(old: tuple[int, ...], dim: Any) -> tuple[int, ...]:
    dims = check_dims("squeeze", dim, len(old))
    return tuple(size for d, size in enumerate(old) if size != 1 or d not in dims)


@op("input", view=True)
def unsqueeze(input: Any, dim: int) -> Any:
    """With a new dimension of size 1 at the place `dim`. See the top of this file."""
    x = check_array("unsqueeze", "input", input)
    return in_shape(x, _unsqueezed(x.shape, dim))


@remembered
def _unsqueezed(old: tuple[int, ...], dim: Any) -> tuple[int, ...]:
    d = check_new_dim("unsqueeze", dim, old)
    return (*old[:d], 1, *old[d:])
