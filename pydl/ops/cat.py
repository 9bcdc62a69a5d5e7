"""cat: several tensors one behind another, and stack: along a new dimension.

    cat    y[.., j, ..] = tensors[n][.., j - o[n], ..]   with o[n] the total size of the tensors before the n-th
    stack  y[.., n, ..] = tensors[n]                     along a new dimension

Shapes    cat: all equal but for the dimension dim, where sizes add up; stack: all equal
Gradient  each tensor gets its part of dy
Source    Harris et al., "Array programming with NumPy", Nature 585 (2020)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..arguments import check_array, check_dim, check_new_dim
from ..op import empty, op
from ..usual_arguments import is_usual_float
from .clone import copy


def check_tensors(name: str, tensors: Sequence[Any]) -> list[Any]:
    """The tensors as arrays of one dtype and rank."""
    if not tensors:
        raise ValueError(f"{name}: tensors is empty, but one or more are needed")
    arrays = [
        each if is_usual_float(each) else check_array(name, f"tensors[{n}]", each) for n, each in enumerate(tensors)
    ]
    for n, each in enumerate(arrays):
        if each.dtype != arrays[0].dtype:
            raise TypeError(f"{name}: tensors[{n}] is {each.dtype} but tensors[0] is {arrays[0].dtype}; convert one")
        if each.ndim != arrays[0].ndim:
            raise ValueError(f"{name}: tensors[{n}] has shape {each.shape} but tensors[0] has {arrays[0].shape}")
    return arrays


def _parts(y: Any, sizes: list[int], d: int) -> list[Any]:
    """y, cut along the dimension d."""
    before, parts, end = (slice(None),) * d, [], 0
    for size in sizes:
        parts.append(y[(*before, slice(end, end + size))])
        end += size
    return parts


@op("tensors", variadic=True)
def cat(tensors: Sequence[Any], dim: int = 0) -> Any:
    """One behind another along the dimension dim. See the top of this file."""
    arrays = check_tensors("cat", tensors)
    first = arrays[0].shape
    if not first:
        raise ValueError("cat: tensors without dimensions have nothing to be joined along; use stack()")
    d = check_dim("cat", dim, len(first))
    for n, each in enumerate(arrays):
        if each.shape != first and each.shape[:d] + each.shape[d + 1 :] != first[:d] + first[d + 1 :]:
            raise ValueError(f"cat: tensors[{n}] has shape {each.shape} but must fit {first} in all but dimension {d}")
    sizes = [each.shape[d] for each in arrays]
    y = empty((*first[:d], sum(sizes), *first[d + 1 :]), arrays[0].dtype)
    for each, part in zip(arrays, _parts(y, sizes, d), strict=True):
        copy(each, part)

    def gradient(dy, needs):
        return tuple(_parts(dy, sizes, d))

    return y, gradient, ()


@op("tensors", variadic=True)
def stack(tensors: Sequence[Any], dim: int = 0) -> Any:
    """One behind another along a new dimension dim. See the top of this file."""
    arrays = check_tensors("stack", tensors)
    first = arrays[0].shape
    d = check_new_dim("stack", dim, first)
    for n, each in enumerate(arrays):
        if each.shape != first:
            raise ValueError(f"stack: tensors[{n}] has shape {each.shape} but tensors[0] has {first}")
    y = empty((*first[:d], len(arrays), *first[d:]), arrays[0].dtype)
    for each, part in zip(arrays, parts_along(y, d), strict=True):
        copy(each, part)

    def gradient(dy, needs):
        return tuple(parts_along(dy, d))

    return y, gradient, ()


def parts_along(x: Any, d: int) -> list[Any]:
    """x cut apart along a dimension: views, also where they have no dimensions left."""
    before = (slice(None),) * d
    return [x[(*before, n, ...)] for n in range(x.shape[d])]
