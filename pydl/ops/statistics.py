"""Numbers that sum up many: the distance of two vectors, the logarithm of their exponentials' sum.

    pairwise_distance[k] = norm of x1[k] - x2[k] + eps
    logsumexp[k] = m + ln(sum over r of exp(x[k, r] - m)),   m = max over r of x[k, r]
    (k: the kept indices, r: the R ones in dim)

Shapes    as for sum
Gradient  of the operations that they are made of; 0 where a length is 0
Source    Blanchard, Higham, Higham, "Accurately computing the log-sum-exp and softmax functions", IMA J. Numer. Anal.
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
from .exp import exp
from .log import log
from .norm import floats, norm
from .reshape import reshape
from .sub import sub
from .sum import sum
from .where import where


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
    if total.data.all():
        return reshape(log(total) + shift, shape)
    some = np.not_equal(total.data, 0)
    y = log(where(some, total, 1.0)) + shift
    return reshape(where(some, y, np.full((), -np.inf, x.dtype)), shape)
