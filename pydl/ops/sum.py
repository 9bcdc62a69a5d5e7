"""sum: addition over some or all dimensions.

    y[k] = sum over r of x[k, r]      (k: the kept indices, r: the ones in dim)

Shapes    x (*), y: x without the dimensions dim, or with size 1 there if keepdim; no dim: all, y ()
Gradient  dx[k, r] = dy[k]
Special   the sum of nothing is 0; integers and bool add up in int64
Rounding  a few dozen terms are added in the array's own precision, their sums in double precision, in an order that
          the shape and strides fix; dimensions that are no neighbours in memory are summed one after another, and
          what is between is rounded
Source    Higham, "The accuracy of floating point summation", SIAM J. Sci. Comput. 14 (1993), on sums of blocks
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._compiled import empty_reduced, is_usual_float, repeated
from ..arguments import check_array, check_float, check_reduction
from ..op import kernel, kernels_are_noted, op
from .clone import MOST_DIMENSIONS, converted


def index_of_result(i, y):
    """Where the element with index i belongs in y, which has size 1 in each reduced dimension."""
    return tuple(min(position, size - 1) for position, size in zip(i, y.shape, strict=True))


@kernel(writes="y")
def sum_forward(x, y):
    y[...] = 0.0
    for i in np.ndindex(x.shape):
        y[index_of_result(i, y)] += x[i]


def draw_reduction(draw, low=0):
    """An array and the shape of its reduction over random dimensions."""
    small = draw.shape(low=low, high=6)
    shape = draw.choice(
        small, small, small, (draw.integer(60, 300), draw.integer(1, 40)), (2, draw.integer(500, 5000)),
        (draw.integer(1, 3), draw.integer(1, 80), draw.integer(2, 150)),
    )  # fmt: skip
    ones = tuple(draw.choice(size, 1) if size > 0 else 1 for size in shape)
    # Mostly positive, so that no sum is the tiny difference of large numbers, whose digits are rounding errors.
    return draw.array(shape, -1.0, 3.0), ones


@sum_forward.samples
def _(draw):
    x, ones = draw_reduction(draw)
    return {"x": x, "y": draw.out(ones)}


@kernel(writes="y")
def sum_integers(x, y):
    """The same of int64, modulo 2^64."""
    sum_forward.reference(x, y)


@sum_integers.samples
def _(draw):
    x, ones = draw_reduction(draw)
    return {"x": np.asarray(draw.integers(x.shape, -(2**62), 2**62)), "y": draw.out(ones, np.int64)}


@op("input")
def sum(input: Any, dim: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Any:
    """The sum over the dimensions `dim`. See the top of this file."""
    x = check_array("sum", "input", input)
    dims, ones, shape, _ = check_reduction("sum", x.shape, dim, keepdim)
    if not is_usual_float(x):
        if x.dtype.kind == "b" and kernels_are_noted():
            x = converted(x, np.dtype(np.int64))
        elif x.dtype.kind == "b" and len(dims) == x.ndim:
            return np.full(shape, np.count_nonzero(x))
        if x.dtype == np.int64 and x.ndim <= MOST_DIMENSIONS:
            y, lines = empty_reduced(x, ones, shape)
            sum_integers(x, lines)
            return y
        if x.dtype.kind != "f":
            return np.asarray(x.sum(dims, np.int64)).reshape(shape)
        x = check_float("sum", "input", x)
    y, lines = empty_reduced(x, ones, shape)
    sum_forward(x, lines)
    whole = x.shape

    def gradient(dy, needs):
        return repeated(dy, ones, whole)

    return y, gradient, ()
