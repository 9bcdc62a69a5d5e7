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

from ..arguments import check_array, check_dim, check_float
from ..op import empty, op
from .cumsum import running
from .div import div_forward
from .gather import add_along
from .max import ValuesIndices
from .mul import mul_forward


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


@op("input", several=True)
def _extremes(input: Any, name: str, better: Any, dim: Any) -> Any:
    x = check_array(name, "input", input)
    d = check_dim(name, dim, x.ndim)
    line = np.moveaxis(x.reshape(1) if x.ndim == 0 else x, d, 0)
    y = better.accumulate(line, 0)
    wins = line == y
    if x.dtype.kind == "f":
        wins |= np.isnan(line)
    places = np.arange(len(line)).reshape(-1, *(1,) * (line.ndim - 1))
    index = np.maximum.accumulate(np.where(wins, places, 0), 0)

    def gradient(dys, needs):
        dx = np.zeros(line.shape, x.dtype)
        add_along(np.moveaxis(dys[0].reshape(dys[0].shape or (1,)), d, 0), index, dx, 0)
        return np.moveaxis(dx, 0, d).reshape(x.shape)

    return [np.moveaxis(each, 0, d).reshape(x.shape) for each in (y, index)], gradient, ()


def cummax(input: Any, dim: int) -> ValuesIndices:
    """(values, indices) of the largest element up to each one along dim. See the top of this file."""
    return ValuesIndices(*_extremes(input, "cummax", np.maximum, dim))


def cummin(input: Any, dim: int) -> ValuesIndices:
    """(values, indices) of the smallest element up to each one along dim. See the top of this file."""
    return ValuesIndices(*_extremes(input, "cummin", np.minimum, dim))
