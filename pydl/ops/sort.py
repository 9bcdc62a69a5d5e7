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

from .._compiled import along
from ..arguments import check_array, check_dim, check_flag, check_integer
from ..op import empty, kernel, op
from .clone import zeros
from .gather import add_along
from .max import ValuesIndices

_int64 = np.dtype(np.int64)


@kernel(writes="values, index")
def topk_forward(x, largest, values, index):
    def rank(c):  # NaN is larger than every number, and equals keep their order
        isnan = bool(np.isnan(line[c]))
        return (not isnan if largest else isnan, 0.0 if isnan else -line[c] if largest else line[c], c)

    for a, b in np.ndindex(x.shape[::2]):
        line = x[a, :, b]
        for n, c in enumerate(sorted(range(len(line)), key=rank)[: values.shape[1]]):
            values[a, n, b], index[a, n, b] = line[c], c


@topk_forward.samples
def _(draw):
    A, K, B = draw.integer(0, 5), draw.choice(draw.integer(1, 9), draw.integer(1, 200)), draw.choice(1, 3)
    k = draw.choice(draw.integer(0, K), min(K, 3))
    x = draw.special((A, K, B))
    x = np.round(x, draw.choice(0, 8))
    values = draw.out((A, k, B))
    return {"x": x, "largest": draw.choice(True, False), "values": values, "index": np.zeros((A, k, B), np.int64)}


@kernel(writes="values, index")
def mode_forward(x, values, index):
    """For kthvalue.py: the most frequent number of each line, of several the smallest, and its last place."""
    for a, line in enumerate(x):
        counts = [sum(each == other for other in line) for each in line]  # of NaN 0
        order = sorted(range(len(line)), key=lambda c: (-max(counts[c], 1), np.isnan(line[c]), line[c], -c))
        values[a], index[a] = line[order[0]], order[0]


@mode_forward.samples
def _(draw):
    A, K = draw.integer(0, 5), draw.choice(draw.integer(1, 20), draw.integer(90, 120))
    x = np.round(draw.special((A, K)) * 2)
    return {"x": x, "values": draw.out((A,)), "index": np.zeros(A, np.int64)}


def _order(x: Any, d: int, descending: bool) -> Any:
    """Of numbers that a float64 may not hold."""
    if not descending:
        return np.argsort(x, d, kind="stable").astype(np.int64, copy=False)
    return x.shape[d] - 1 - np.flip(np.argsort(np.flip(x, d), d, kind="stable"), d).astype(np.int64, copy=False)


def _sorted(name: str, input: Any, dim: Any, descending: Any, k: Any = None) -> tuple[Any, Any, Any, int]:
    """What was sorted (a number as a vector), the values (None: not known), the indices and the dimension."""
    x = check_array(name, "input", input)
    d, downwards = check_dim(name, dim, x.ndim), check_flag(name, "descending", descending)
    line = x.reshape(1) if x.ndim == 0 else x
    count = line.shape[d] if k is None else check_integer(name, "k", k, 0)
    if x.ndim == 0 and count == 0:
        raise ValueError(f"{name}: k must be 1 for an input without dimensions, not 0")
    if count > line.shape[d]:
        raise ValueError(f"{name}: k is {count}, but dimension {d} of {x.shape} has {line.shape[d]} elements")
    if x.dtype == np.float32 or x.dtype == np.float64:
        return line, *first_of_order(line, d, count, downwards), d
    if x.dtype.kind != "f" and (x.dtype.itemsize < 8 or (x.size and x.min() >= -(2**53) and x.max() <= 2**53)):
        values, index = first_of_order(line.astype(np.float64), d, count, downwards)
        return line, values.astype(x.dtype), index, d
    return line, None, _order(line, d, downwards)[(*(slice(None),) * d, slice(count))], d


def first_of_order(x: Any, d: int, k: int, largest: bool) -> tuple[Any, Any]:
    """The first k of the order and their indices, without all of it."""
    shape = (*x.shape[:d], k, *x.shape[d + 1 :])
    y, index = empty(shape, x.dtype), empty(shape, _int64)
    topk_forward(along(x, d), largest, along(y, d), along(index, d))
    return y, index


@op("input", several=True)
def _values_and_indices(input: Any, name: str, dim: Any, descending: Any, k: Any = None) -> Any:
    line, y, index, d = _sorted(name, input, dim, descending, k)
    y, shape = np.take_along_axis(line, index, d) if y is None else y, np.shape(input)

    def gradient(dys, needs):
        dx = zeros(line.shape, line.dtype)
        add_along(dys[0].reshape(index.shape), index, dx, d)
        return dx.reshape(shape)

    new = shape if k is None or not shape else index.shape
    return [y, index] if index.shape == new else [y.reshape(new), index.reshape(new)], gradient, ()


def sort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> ValuesIndices:
    """(values, indices) in order along dim; always stable. See the top of this file."""
    check_flag("sort", "stable", stable)
    return ValuesIndices(*_values_and_indices(input, "sort", dim, descending))


@op("input")
def argsort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """The indices of sort."""
    check_flag("argsort", "stable", stable)
    return _sorted("argsort", input, dim, descending)[2].reshape(np.shape(input))


def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesIndices:
    """(values, indices) of the k largest elements along dim, or smallest; always in order."""
    check_flag("topk", "sorted", sorted)
    return ValuesIndices(*_values_and_indices(input, "topk", dim, check_flag("topk", "largest", largest), k))
