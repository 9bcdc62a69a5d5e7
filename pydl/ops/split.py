"""split: one tensor as several; so do chunk, unbind.

    y[n] = x[.., o[n] : o[n + 1], ..]      unbind: y[n] = x[.., n, ..], without the dimension

Shapes    split: pieces of the given size (the last may be smaller), or of the given sizes, which add up to x's
          chunk: at most `chunks` pieces of one size, the last may be smaller; unbind: one for each index
Gradient  dx = the dy[n] one behind another; a piece that was not used counts as 0
Memory    shared with x
Source    Harris et al., "Array programming with NumPy", Nature 585 (2020)
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from .._compiled import remembered
from ..arguments import check_array, check_dim, check_integer
from ..op import empty, op
from .clone import copy, zeros

FEW = 64  # slices, which are remembered


def cut(x: Any, indices: Sequence[Any], d: int) -> Any:
    """The pieces of x at the given indices of dimension d."""
    before = (slice(None),) * d

    def gradient(dys, needs):
        dx = zeros(x.shape, x.dtype) if any(dy is None for dy in dys) else empty(x.shape, x.dtype)
        for index, dy in zip(indices, dys, strict=True):
            if dy is not None:
                copy(dy, dx[(*before, index, ...)])
        return dx

    return [x[(*before, index, ...)] for index in indices], gradient, ()


def check_cut(name: str, input: Any, dim: Any) -> tuple[Any, int]:
    """The array and the dimension it is cut along."""
    x = check_array(name, "input", input)
    if x.ndim == 0:
        raise ValueError(f"{name}: input has no dimensions to be cut along")
    return x, check_dim(name, dim, x.ndim)


def slices(sizes: Sequence[int]) -> tuple[slice, ...]:
    """Neighbouring slices of the given sizes."""
    starts = [0]
    for size in sizes:
        starts.append(starts[-1] + size)
    return tuple([slice(a, b) for a, b in pairwise(starts)])


def equal_slices(total: int, size: int) -> tuple[slice, ...]:
    """As many slices of `size` as fit into total, and what is left; few are not made twice."""
    return (_few_slices if total <= FEW * size else _all_slices)(total, size)


def _all_slices(total: int, size: int) -> tuple[slice, ...]:
    return slices([min(size, total - start) for start in range(0, total, size)] or [0])


_few_slices = remembered(_all_slices)


@op("input", view=True, several=True)
def split(input: Any, split_size_or_sections: int | Sequence[int], dim: int = 0) -> Any:
    """Pieces of one size, or of the given sizes, along dim. See the top of this file."""
    x, d = check_cut("split", input, dim)
    total = x.shape[d]
    if isinstance(split_size_or_sections, tuple | list):
        sizes = [check_integer("split", "split_size_or_sections", size, 0) for size in split_size_or_sections]
        if sum(sizes) != total:
            raise ValueError(f"split: sizes {sizes} add up to {sum(sizes)}, but dimension {d} of {x.shape} is {total}")
        return cut(x, slices(sizes), d)
    size = check_integer("split", "split_size_or_sections", split_size_or_sections, 1)
    return cut(x, equal_slices(total, size), d)


@op("input", view=True, several=True)
def chunk(input: Any, chunks: int, dim: int = 0) -> Any:
    """At most `chunks` pieces along dim. See the top of this file."""
    x, d = check_cut("chunk", input, dim)
    total = x.shape[d]
    size = -(-total // check_integer("chunk", "chunks", chunks, 1))
    return cut(x, equal_slices(total, size) if total else slices([0] * chunks), d)


@op("input", view=True, several=True)
def unbind(input: Any, dim: int = 0) -> Any:
    """The sub-tensors at each index of dim. See the top of this file."""
    x, d = check_cut("unbind", input, dim)
    return cut(x, list(range(x.shape[d])), d)
