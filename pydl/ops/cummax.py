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

int64 = np.dtype(np.int64)


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


@kernel(writes="y, index")
def cummax_integers(x, smallest, y, index):
    """The same for int64."""
    for a, b in np.ndindex(x.shape[0], x.shape[2]):
        best = 0
        for k in range(x.shape[1]):
            if x[a, k, b] <= x[a, best, b] if smallest else x[a, k, b] >= x[a, best, b]:
                best = k
            y[a, k, b], index[a, k, b] = x[a, best, b], best


@cummax_integers.samples
def _(draw):
    shape, most = draw.shape(3), draw.choice(5, 2**63 - 1)
    x, outs = draw.integers(shape, -most - 1, most), (np.empty(shape, np.int64) for _ in range(2))
    return {"x": x, "smallest": draw.choice(True, False), **dict(zip(("y", "index"), outs, strict=True))}


@op("input", several=True)
def _extremes(input: Any, name: str, smallest: bool, dim: Any) -> Any:
    x = check_array(name, "input", input)
    d = check_dim(name, dim, x.ndim)
    index = empty(x.shape, int64)
    if x.dtype.kind == "f":
        x = check_float(name, "input", x)
        y = empty(x.shape, x.dtype)
        cummax_forward(along(x, d), smallest, along(y, d), along(index, d))
    else:
        y = empty(x.shape, int64)
        # As int64 the upper half of uint64 comes before the lower one, but for this bit.
        half = np.uint64(1 << 63) if x.dtype == np.uint64 else None
        whole = x.astype(int64, copy=False) if half is None else (x ^ half).view(int64)
        cummax_integers(along(whole, d), smallest, along(y, d), along(index, d))
        y = y.astype(x.dtype, copy=False) if half is None else y.view(np.uint64) ^ half

    def gradient(dys, needs):
        dx = zeros(x.shape or (1,), x.dtype)
        add_along(dys[0].reshape(dx.shape), index.reshape(dx.shape), dx, d)
        return dx.reshape(x.shape)

    return [y, index], gradient, ()


def cummax(input: Any, dim: int) -> ValuesIndices:
    """(values, indices) of the largest element up to each one along dim. See the top of this file."""
    return ValuesIndices(*_extremes(input, "cummax", False, dim))


def cummin(input: Any, dim: int) -> ValuesIndices:
    """(values, indices) of the smallest element up to each one along dim. See the top of this file."""
    return ValuesIndices(*_extremes(input, "cummin", True, dim))
