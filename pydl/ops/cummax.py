"""cummax: the largest element up to each one, and where it is; cummin: the smallest.

    index[.., i, ..] = the last place of the largest up to i
    y[.., i, ..] = x[.., index[.., i, ..], ..]

Shapes    x, y and index (int64) (*)
Gradient  dx[.., index[.., i, ..], ..] += dy[.., i, ..]
Special   NaN counts as the largest and as the smallest
Source    Blelloch, "Prefix sums and their applications", in: Synthesis of Parallel Algorithms (1993)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._compiled import along
from ..arguments import check_array, check_dim, check_float
from ..op import empty, kernel, op
from .clone import zeros
from .gather import add_along
from .max import ValuesIndices

float64, int64 = np.dtype(np.float64), np.dtype(np.int64)


@kernel(writes="y, index")
def cummax_forward(x, smallest, y, index):
    A, K, B = x.shape
    for a, b in np.ndindex(A, B):
        best = 0
        for k in range(K):
            new, old = x[a, k, b], x[a, best, b]
            if np.isnan(new) or (new <= old if smallest else new >= old):
                best = k
            y[a, k, b] = x[a, best, b]
            index[a, k, b] = best


@cummax_forward.samples
def _(draw):
    shape = draw.shape(3)
    x = np.round(draw.special(shape) * 2)
    return {"x": x, "smallest": draw.choice(True, False), "y": draw.out(shape), "index": np.empty(shape, np.int64)}


@op("input", several=True)
def _extremes(input: Any, name: str, better: Any, dim: Any) -> Any:
    x = check_array(name, "input", input)
    d = check_dim(name, dim, x.ndim)
    if x.dtype.kind == "f":
        x = check_float(name, "input", x)
        y, index = empty(x.shape, x.dtype), empty(x.shape, int64)
        cummax_forward(along(x, d), better is np.minimum, along(y, d), along(index, d))
    elif x.dtype.itemsize < 8 or (x.size and x.min() >= -(2**53) and x.max() <= 2**53):  # as exact in float64
        doubles, y, index = x.astype(np.float64), empty(x.shape, float64), empty(x.shape, int64)
        cummax_forward(along(doubles, d), better is np.minimum, along(y, d), along(index, d))
        y = y.astype(x.dtype)
    else:
        lines = np.moveaxis(x.reshape(x.shape or (1,)), d, 0)
        best = better.accumulate(lines, 0)
        places = np.arange(len(lines)).reshape(-1, *(1,) * (lines.ndim - 1))
        last = np.maximum.accumulate(np.where(lines == best, places, 0), 0)
        y, index = (np.moveaxis(each, 0, d).reshape(x.shape) for each in (best, last))

    def gradient(dys, needs):
        dx = zeros(x.shape or (1,), x.dtype)
        add_along(dys[0].reshape(dx.shape), index.reshape(dx.shape), dx, d)
        return dx.reshape(x.shape)

    return [y, index], gradient, ()


def cummax(input: Any, dim: int) -> ValuesIndices:
    """(values, indices) of the largest element up to each one along dim. See the top of this file."""
    return ValuesIndices(*_extremes(input, "cummax", np.maximum, dim))


def cummin(input: Any, dim: int) -> ValuesIndices:
    """(values, indices) of the smallest element up to each one along dim. See the top of this file."""
    return ValuesIndices(*_extremes(input, "cummin", np.minimum, dim))
