"""mean: the average over some or all dimensions.

    y[k] = (1 / R) sum over r of x[k, r]      (k: the kept indices, r: the R ones in dim)

Shapes    x (*), y: x without the dimensions dim, or with size 1 there if keepdim; no dim: all, y ()
Gradient  dx[k, r] = dy[k] / R
Special   the mean of nothing is NaN
Source    as for sum
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._compiled import empty_reduced, repeated
from ..arguments import check_float, check_reduction
from ..op import empty_like, kernel, op
from .sum import draw_reduction, index_of_result


@kernel(writes="y")
def mean_forward(x, y):
    y[...] = 0.0
    for i in np.ndindex(x.shape):
        y[index_of_result(i, y)] += x[i]
    for k in np.ndindex(y.shape):
        y[k] /= x.size / y.size


@kernel(writes="dx")
def mean_backward(dy, count, dx):
    for k in np.ndindex(dy.shape):
        dx[k] = dy[k] / count


@mean_forward.samples
def _(draw):
    x, ones = draw_reduction(draw)
    return {"x": x, "y": draw.out(ones)}


@mean_backward.samples
def _(draw):
    dy = draw.array(draw.shape())
    return {"dy": dy, "count": draw.integer(1, 1000), "dx": draw.out(dy.shape)}


@op("input")
def mean(input: Any, dim: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Any:
    """The average over the dimensions `dim`. See the top of this file."""
    x = check_float("mean", "input", input)
    _, ones, shape, count = check_reduction("mean", x.shape, dim, keepdim)
    y, lines = empty_reduced(x, ones, shape)
    mean_forward(x, lines)
    whole = x.shape

    def gradient(dy, needs):
        dx = empty_like(dy)
        mean_backward(dy, max(count, 1), dx)
        return repeated(dx, ones, whole)

    return y, gradient, ()
