"""cumprod: the product of all elements up to each one; cummax, cummin: the largest or smallest so far.

    cumprod   y[.., i, ..] = product over j <= i of x[.., j, ..]
    cummax    y[.., i, ..] = x[.., index[.., i, ..], ..], the last of the largest up to i

Shapes    x, y and index (int64) (*)
Gradient  cumprod: dx[j] = sum over i >= j of dy[i] times the product of all others up to i, right with zeros, too
          cummax: dx[.., index[.., i, ..], ..] += dy[.., i, ..]
Special   integers and bool become int64 in cumprod; NaN counts as the largest and as the smallest
Source    Blelloch, "Prefix sums and their applications", in: Synthesis of Parallel Algorithms (1993)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._compiled import along
from ..arguments import check_array, check_dim, check_float
from ..op import empty, kernel, op
from .clone import zeros
from .cumsum import running
from .div import div_forward
from .gather import add_along
from .max import ValuesIndices
from .mul import mul_forward

int64 = np.dtype(np.int64)


def _sums_from_here_on(x: Any) -> Any:
    return np.flip(np.cumsum(np.flip(x, 0), 0), 0)


@op("input")
def cumprod(input: Any, dim: int) -> Any:
    """Products along the dimension `dim`. See the top of this file."""
    x = check_array("cumprod", "input", input)
    d = check_dim("cumprod", dim, x.ndim)
    if x.dtype.kind != "f":
        return np.cumprod(x, d, np.int64) if x.ndim else x.astype(np.int64)
    x = check_float("cumprod", "input", x)
    with np.errstate(all="ignore"):
        y = np.cumprod(x.astype(np.float64, copy=False), d).astype(x.dtype, copy=False) if x.ndim else x.copy()

    def gradient(dy, needs):
        if x.ndim == 0:
            return dy
        if x.all() and np.isfinite(y).all() and y.all():
            dx = empty(x.shape, x.dtype)
            mul_forward(dy, y, dx)
            div_forward(running(dx, d, True), x, dx)
            return dx
        lines, dlines = (np.moveaxis(each, d, 0).astype(np.float64, copy=False) for each in (x, dy))
        # Up to the first zero of a line the products are not 0, from it on only those without it are not.
        zero = (lines == 0) & (np.cumsum(lines == 0, 0) == 1)
        found = np.logical_or.accumulate(zero, 0)
        filled = np.where(zero, 1.0, lines)
        before = _sums_from_here_on(np.where(found, 0.0, dlines * np.cumprod(lines, 0)))
        at = _sums_from_here_on(dlines * np.cumprod(filled, 0))
        dx = np.where(zero, at, np.where(found, 0.0, before / np.where(filled == 0, 1.0, filled)))
        return np.moveaxis(dx, 0, d).astype(x.dtype)

    return y, gradient, ("input",)


@kernel(writes="y, index")
def cumprod_extremes(x, smallest, y, index):
    A, K, B = x.shape
    for a, b in np.ndindex(A, B):
        best = 0
        for k in range(K):
            new, old = x[a, k, b], x[a, best, b]
            if np.isnan(new) or (new <= old if smallest else new >= old):
                best = k
            y[a, k, b] = x[a, best, b]
            index[a, k, b] = best


@cumprod_extremes.samples
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
        cumprod_extremes(along(x, d), better is np.minimum, along(y, d), along(index, d))
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
