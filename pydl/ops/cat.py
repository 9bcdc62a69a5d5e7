"""cat: several tensors one behind another, and stack: along a new dimension.

    cat    y[.., j, ..] = tensors[n][.., j - o[n], ..]   with o[n] the total size of the tensors before the n-th
    stack  y[.., n, ..] = tensors[n]                     along a new dimension

Shapes    cat: all equal but for the dimension dim, where sizes add up; stack: all equal
Gradient  each tensor gets its part of dy
Source    Harris et al., "Array programming with NumPy", Nature 585 (2020)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._compiled import are_alike, remembered
from ..arguments import check_array, check_dim, check_new_dim
from ..op import empty, kernel, kernels_are_noted, op
from .clone import MOST_DIMENSIONS, clone_forward, copy


def check_tensors(name: str, tensors: Any) -> list[Any]:
    """The tensors as arrays of one dtype."""
    if not tensors:
        raise ValueError(f"{name}: tensors is empty, but one or more are needed")
    arrays = [check_array(name, f"tensors[{n}]", each) for n, each in enumerate(tensors)]
    for n, each in enumerate(arrays):
        if each.dtype != arrays[0].dtype:
            raise TypeError(f"{name}: tensors[{n}] is {each.dtype} but tensors[0] is {arrays[0].dtype}; convert one")
    return arrays


@kernel(writes="y")
def cat_forward(x, rows, y):
    """Matrices of as many rows beside each other: the arrays hold their numbers in any shapes."""
    y, first = y.reshape(rows, -1), 0
    for each in x:
        matrix = each.reshape(rows, each.size // rows)
        for a, k in np.ndindex(matrix.shape):
            y[a, first + k] = matrix[a, k]
        first += matrix.shape[1]


@cat_forward.samples
def _(draw):
    if draw.integer(0, 3) > 0:
        rows, sizes = draw.integer(1, 40), [draw.choice(1, draw.integer(0, 9), draw.integer(0, 300)) for _ in range(3)]
    else:  # many long rows
        rows, sizes = draw.integer(60, 70), [draw.integer(250, 300) for _ in range(2)]
    x = [np.ascontiguousarray(draw.array((rows, size))) for size in sizes]
    return {"x": x, "rows": rows, "y": np.zeros((rows, sum(sizes)), x[0].dtype)}


# The shape of the result, the rows of the kernel's matrices, and where in the result the tensors go.
Places = tuple[tuple[int, ...], int, tuple[Any, ...]]


@remembered
def _one_behind_another(dim: Any, *shapes: tuple[int, ...]) -> Places:
    first = shapes[0]
    _check_ranks("cat", shapes)
    if not first:
        raise ValueError("cat: tensors without dimensions have nothing to be joined along; use stack()")
    d = check_dim("cat", dim, len(first))
    places, end = [], 0
    for n, shape in enumerate(shapes):
        if shape[:d] + shape[d + 1 :] != first[:d] + first[d + 1 :]:
            raise ValueError(f"cat: tensors[{n}] has shape {shape} but must fit {first} in all but dimension {d}")
        places.append((*(slice(None),) * d, slice(end, end + shape[d])))
        end += shape[d]
    return (*first[:d], end, *first[d + 1 :]), math.prod(first[:d]), tuple(places)


@remembered
def _along_a_new_dimension(dim: Any, *shapes: tuple[int, ...]) -> Places:
    first = shapes[0]
    _check_ranks("stack", shapes)
    d = check_new_dim("stack", dim, first)
    for n, shape in enumerate(shapes):
        if shape != first:
            raise ValueError(f"stack: tensors[{n}] has shape {shape} but tensors[0] has {first}")
    # With an ellipsis the parts are arrays also where they have no dimensions left.
    places = tuple((*(slice(None),) * d, n, ...) for n in range(len(shapes)))
    return (*first[:d], len(shapes), *first[d:]), math.prod(first[:d]), places


def _check_ranks(name: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    for n, shape in enumerate(shapes):
        if len(shape) != len(shapes[0]):
            raise ValueError(f"{name}: tensors[{n}] has shape {shape} but tensors[0] has {shapes[0]}")


def _joined(name: str, tensors: Any, places_of: Any, dim: Any) -> Any:
    """What both operations return."""
    alike = are_alike(tensors)
    arrays = tensors if alike else check_tensors(name, tensors)
    shape, rows, places = places_of(dim, *[each.shape for each in arrays])
    y = empty(shape, arrays[0].dtype)
    if alike > 1 and rows and not kernels_are_noted():  # recordings know of no lists
        cat_forward(arrays, rows, y)
    else:
        into = clone_forward if alike and len(shape) <= MOST_DIMENSIONS else copy
        for n, each in enumerate(arrays):
            into(each, y[places[n]])
    return y, lambda dy, needs: tuple([dy[place] for place in places]), ()


@op("tensors", variadic=True)
def cat(tensors: Sequence[Any], dim: int = 0) -> Any:
    """One behind another along the dimension dim. See the top of this file."""
    return _joined("cat", tensors, _one_behind_another, dim)


@op("tensors", variadic=True)
def stack(tensors: Sequence[Any], dim: int = 0) -> Any:
    """One behind another along a new dimension dim. See the top of this file."""
    return _joined("stack", tensors, _along_a_new_dimension, dim)
