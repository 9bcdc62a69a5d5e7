"""sort: elements in order, along one dimension; argsort: where they were; topk: the first k of the order.

    y[k, n] = x[k, index[k, n]]      with y[k, 0] <= y[k, 1] <= ..., or >= if descending; equals keep their order

Shapes    x (*), y and index (int64) as x; topk: with k in place of the size of dim
Gradient  dx[k, index[k, n]] = dy[k, n], else 0
Special   NaN comes after every number
Source    Knuth, "The art of computer programming", volume 3 (1998), section 5.2
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_array, check_dim, check_flag, check_integer
from ..op import op
from .max import ValuesIndices


def _order(x: Any, d: int, descending: bool) -> Any:
    if not descending:
        return np.argsort(x, d, kind="stable").astype(np.int64, copy=False)
    return x.shape[d] - 1 - np.flip(np.argsort(np.flip(x, d), d, kind="stable"), d).astype(np.int64, copy=False)


def _sorted(name: str, input: Any, dim: Any, descending: Any, k: Any = None) -> tuple[Any, Any, int]:
    """What was sorted (a number as a vector), the indices and the dimension."""
    x = check_array(name, "input", input)
    d, downwards = check_dim(name, dim, x.ndim), check_flag(name, "descending", descending)
    line = x.reshape(1) if x.ndim == 0 else x
    index = _order(line, d, downwards)
    if k is None:
        return line, index, d
    count = check_integer(name, "k", k, 0)
    if x.ndim == 0 and count == 0:
        raise ValueError(f"{name}: k must be 1 for an input without dimensions, not 0")
    if count > line.shape[d]:
        raise ValueError(f"{name}: k is {count}, but dimension {d} of {x.shape} has {line.shape[d]} elements")
    return line, index[(*(slice(None),) * d, slice(count))], d


@op("input", several=True)
def _values_and_indices(input: Any, name: str, dim: Any, descending: Any, k: Any = None) -> Any:
    line, index, d = _sorted(name, input, dim, descending, k)
    y, shape = np.take_along_axis(line, index, d), np.shape(input)

    def gradient(dys, needs):
        dx = np.zeros(line.shape, line.dtype)
        np.put_along_axis(dx, index, dys[0].reshape(index.shape), d)
        return dx.reshape(shape)

    new = shape if k is None or not shape else index.shape
    return [each.reshape(new) for each in (y, index)], gradient, ()


def sort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> ValuesIndices:
    """(values, indices) in order along dim; always stable. See the top of this file."""
    check_flag("sort", "stable", stable)
    return ValuesIndices(*_values_and_indices(input, "sort", dim, descending))


@op("input")
def argsort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """The indices of sort."""
    check_flag("argsort", "stable", stable)
    return _sorted("argsort", input, dim, descending)[1].reshape(np.shape(input))


def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesIndices:
    """(values, indices) of the k largest elements along dim, or smallest; always in order."""
    check_flag("topk", "sorted", sorted)
    return ValuesIndices(*_values_and_indices(input, "topk", dim, check_flag("topk", "largest", largest), k))
