"""Numbers that sum up many: their spread, the distance of two vectors, the logarithm of their exponentials' sum.

    var[k] = sum over r of (x[k, r] - mean[k])^2 / max(R - correction, 0)      std = sqrt(var)
    pairwise_distance[k] = norm of x1[k] - x2[k] + eps
    logsumexp[k] = m + ln(sum over r of exp(x[k, r] - m)),   m = max over r of x[k, r]
    (k: the kept indices, r: the R ones in dim)

Shapes    as for sum
Gradient  of the operations that they are made of; 0 where a length or a deviation is 0
Source    Chan, Golub, LeVeque, "Algorithms for computing the sample variance", The American Statistician 37 (1983);
          Blanchard, Higham, Higham, "Accurately computing the log-sum-exp and softmax functions", IMA J. Numer. Anal.
          41 (2021)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_flag, check_number, check_range, check_reduction
from ..op import empty_like
from ..tensor import Tensor
from .amax import amax
from .broadcasting import broadcast_shape
from .clamp import clamp_forward
from .div import div
from .exp import exp
from .log import log
from .mean import mean
from .norm import floats, norm, root
from .reshape import reshape
from .square import square
from .sub import sub
from .sum import sum
from .where import where


def _var(name: str, input: Any, dim: Any, unbiased: Any, keepdim: Any, correction: Any) -> tuple[Tensor, Tensor, Any]:
    """The variance, the mean with dimensions of size 1, and its shape as a result."""
    if isinstance(dim, bool):  # var(x, False), as in PyTorch
        dim, unbiased = None, dim
    x, lost = floats(name, input), float(check_flag(name, "unbiased", unbiased))
    if correction is not None:
        lost = check_number(name, "correction", correction)
    _, _, shape, count = check_reduction(name, x.shape, dim, keepdim)
    middle = mean(x, dim, True)
    squares = sum(square(sub(x, middle)), dim, keepdim)
    return div(squares, max(count - lost, 0.0)), middle, shape


def var(
    input: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
) -> Tensor:
    """The variance of the population that the numbers are from: squares by R - 1.

    unbiased=False: of the numbers themselves, by R. correction: another number than that 1. NaN of no or one number.
    """
    return _var("var", input, dim, unbiased, keepdim, correction)[0]


def std(
    input: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
) -> Tensor:
    """The standard deviation: the root of var(...)."""
    return root(_var("std", input, dim, unbiased, keepdim, correction)[0])


def var_mean(
    input: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
) -> tuple[Tensor, Tensor]:
    """var(...) and mean(...)."""
    spread, middle, shape = _var("var_mean", input, dim, unbiased, keepdim, correction)
    return spread, reshape(middle, shape)


def std_mean(
    input: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
) -> tuple[Tensor, Tensor]:
    """std(...) and mean(...)."""
    spread, middle, shape = _var("std_mean", input, dim, unbiased, keepdim, correction)
    return root(spread), reshape(middle, shape)


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The length of x1 - x2 + eps along the last dimension; shapes broadcast."""
    name = "pairwise_distance"
    a, b = floats(name, x1), floats(name, x2)
    if not broadcast_shape(name, a.data, b.data):
        raise ValueError(f"{name}: x1 and x2 have no dimension to be vectors along")
    kind, keep = check_number(name, "p", p), check_flag(name, "keepdim", keepdim)
    return norm(a - b + check_range(name, "eps", eps, 0), kind, -1, keep)


def logsumexp(input: Any, dim: int | tuple[int, ...], keepdim: bool = False) -> Tensor:
    """ln(sum(exp(input))) over the dimensions `dim`, which overflows only where the result does; of nothing -inf."""
    x = floats("logsumexp", input)
    _, ones, shape, count = check_reduction("logsumexp", x.shape, dim, keepdim)
    largest = amax(x.detach(), dim, True).data if count else np.zeros(ones, x.dtype)
    limit = float(np.finfo(x.dtype).max)
    shift = empty_like(largest)
    clamp_forward(largest, -limit, limit, shift)  # inf - inf would be NaN
    total = sum(exp(sub(x, shift)), dim, True)
    some = np.not_equal(total.data, 0)
    y = log(total if some.all() else where(some, total, 1.0)) + shift
    return reshape(y if some.all() else where(some, y, np.full((), -np.inf, x.dtype)), shape)
