"""var: the variance over some or all dimensions, and its root, the standard deviation; both with the mean, too.

    mean[k] = sum over r of x[k, r] / R
    var[k]  = sum over r of (x[k, r] - mean[k])^2 / max(R - correction, 0)      std = sqrt(var)
    (k: the kept indices, r: the R ones in dim)

Shapes    as for sum; kernels see x as (A, K, B), of which K is summed over
Gradient  dx[k, r] = dvar[k] 2 (x[k, r] - mean[k]) / (R - correction) + dmean[k] / R; std: 0 where it is 0
Special   NaN of nothing, and of one number unless the correction is 0
Rounding  blocks of numbers are added in the array's own precision, about their own mean, and joined in double precision
Source    Chan, Golub, LeVeque, "Algorithms for computing the sample variance", The American Statistician 37 (1983)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._compiled import along, seen_as
from ..arguments import check_flag, check_number, check_reduction
from ..op import empty, kernel, op
from ..tensor import Tensor
from .add import add_forward
from .clone import copied, fill
from .div import div_forward
from .lines import around
from .mean import mean_forward
from .mul import mul_forward
from .norm import floats, root
from .square import square_forward
from .sub import sub_forward
from .sum import sum_forward

# Neighbouring lines of fewer numbers take the kernels of other operations where there are many: those are quicker.
FEW_ROWS, MANY = 30, 4096


@kernel(writes="mean, y")
def var_forward(x, divisor, mean, y):
    K = x.shape[1]
    for a, b in np.ndindex(y.shape):
        mean[a, b] = y[a, b] = 0.0
        for k in range(K):
            mean[a, b] += x[a, k, b] / K
        for k in range(K):
            y[a, b] += np.square(x[a, k, b] - mean[a, b])
        y[a, b] = y[a, b] / np.float64(divisor)


@var_forward.samples
def _(draw):
    A, K, B = draw.choice(
        (draw.integer(0, 9), draw.integer(1, 40), draw.choice(1, draw.integer(0, 70))),
        (draw.integer(1, 3), draw.integer(500, 70_000), 1),
        (1, draw.integer(60, 200), draw.integer(200, 600)),
    )
    x = np.ascontiguousarray(draw.array((A, K, B), -1.0, 3.0))
    return {"x": x, "divisor": draw.integer(1, 9) * 1.0, "mean": draw.out((A, B)), "y": draw.out((A, B))}


@op("input", several=True)
def _moments(input: Any, dims: Any, ones: Any, shape: Any, count: int, divisor: float) -> Any:
    """[variance, mean] of floats."""
    y, mean = empty(shape, input.dtype), empty(shape, input.dtype)
    whole, few = input.flags.c_contiguous, count < FEW_ROWS and not 0 < input.size <= MANY
    if dims and count and dims[0] == input.ndim - len(dims) and whole:
        x = seen_as(input, (input.size // count, count, 1))
    elif not dims or few:
        x = input
    else:
        x = along(input, dims[0]) if len(dims) == 1 and whole else around(input, dims)
    # Of two or three columns of many numbers, the other operations leave fewer lanes empty.
    if x is not input and (x.shape[2] > 3 or x.shape[2] == 1 or x.size <= 2 * MANY):
        lines = x.shape[::2]
        var_forward(x, divisor, seen_as(mean, lines), seen_as(y, lines))
    else:
        distances, middle, spread = empty(input.shape, input.dtype), mean.reshape(ones), y.reshape(ones)
        mean_forward(input, middle)
        # From the first of each line, too: the mean is rounded, and equal numbers shall have no variance.
        first = [slice(1) if d in dims else slice(None) for d in range(input.ndim)]
        sub_forward(input, input[(*first, ...)], distances)
        mean_forward(distances, spread)
        sub_forward(distances, spread, distances)
        square_forward(distances, distances)
        sum_forward(distances, spread)
        div_forward(spread, np.array(divisor, spread.dtype), spread)

    def gradient(dys, needs):
        dvar, dmean = (None if dy is None else copied(dy).reshape(ones) for dy in dys)
        dx = empty(input.shape, input.dtype)
        if dvar is None:
            fill(dx, 0)
        else:
            scale = np.array(2.0 / divisor if divisor else math.inf, dx.dtype)
            mul_forward(dvar, scale, dvar)
            sub_forward(input, mean.reshape(ones), dx)
            mul_forward(dx, dvar, dx)
        if dmean is not None:
            mul_forward(dmean, np.array(1.0 / max(count, 1), dx.dtype), dmean)
            add_forward(dx, dmean, dx)
        return dx

    return [y, mean], gradient, ("input", "output")


def _var(name: str, input: Any, dim: Any, unbiased: Any, keepdim: Any, correction: Any) -> Any:
    """The variance and the mean."""
    if isinstance(dim, bool):  # var(x, False), as in PyTorch
        dim, unbiased = None, dim
    x, lost = floats(name, input), float(check_flag(name, "unbiased", unbiased))
    if correction is not None:
        lost = check_number(name, "correction", correction)
    dims, ones, shape, count = check_reduction(name, x.shape, dim, keepdim)
    if len(dims) > 1:
        dims = tuple(sorted(dims))
    return _moments(x, dims, ones, shape, count, max(count - lost, 0.0))


def var(
    input: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
) -> Tensor:
    """The variance of the population that the numbers are from: squares by R - 1.

    unbiased=False: of the numbers themselves, by R. correction: another number than that 1. NaN of no or one number.
    """
    return _var("var", input, dim, unbiased, keepdim, correction)[0]  # type: ignore[no-any-return]


def std(
    input: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
) -> Tensor:
    """The standard deviation: the root of var(...)."""
    return root(_var("std", input, dim, unbiased, keepdim, correction)[0])


def var_mean(
    input: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
) -> tuple[Tensor, Tensor]:
    """var(...) and mean(...)."""
    return _var("var_mean", input, dim, unbiased, keepdim, correction)  # type: ignore[no-any-return]


def std_mean(
    input: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
) -> tuple[Tensor, Tensor]:
    """std(...) and mean(...)."""
    spread, middle = _var("std_mean", input, dim, unbiased, keepdim, correction)
    return root(spread), middle
