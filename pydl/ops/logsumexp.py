"""logsumexp: the logarithm of a sum of exponentials, over some or all dimensions.

    y[k] = m + ln(sum over r of exp(x[k, r] - m)),   m = max over r of x[k, r]
    (k: the kept indices, r: the ones in dim)

It overflows only where the result does.

Shapes    as for sum; the kernel sees x as (A, K, B), of which K is summed over
Gradient  dx[k, r] = dy[k] exp(x[k, r] - y[k]); 0 where y is -inf
Special   of nothing, and of nothing but -inf, it is -inf
Rounding  blocks of exponentials are added in the array's own precision, and joined in double precision
Source    Blanchard, Higham, Higham, "Accurately computing the log-sum-exp and softmax functions", IMA J. Numer. Anal.
          41 (2021)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_float, check_reduction
from ..op import empty, kernel, op
from .clone import copied
from .lines import around
from .sum import draw_reduction


@kernel(writes="y")
def logsumexp_forward(x, y):
    A, K, B = x.shape
    for a, b in np.ndindex(A, B):
        largest = -np.inf
        for k in range(K):
            largest = np.maximum(largest, x[a, k, b])  # NaN stays NaN
        total = 0.0
        for k in range(K):
            total += np.exp(x[a, k, b] - largest) if np.abs(largest) != np.inf else x[a, k, b] == np.inf
        y[a, b] = largest + np.log(total)


@logsumexp_forward.samples
def _(draw):
    A, K, B = draw.choice(
        (draw.integer(0, 9), draw.integer(0, 40), draw.choice(1, draw.integer(0, 70))),
        (draw.integer(1, 3), draw.integer(100, 9000), 1),
        (draw.integer(1, 2), draw.integer(60, 3000), draw.integer(1, 30)),
        (1, draw.integer(1, 40), draw.integer(400, 1100)),
    )
    x = np.ascontiguousarray(draw.choice(draw.array, draw.special)((A, K, B)))
    return {"x": x * draw.choice(1, 30), "y": draw.out((A, B))}


@kernel(writes="dx")
def logsumexp_backward(dy, x, y, dx):
    for i in np.ndindex(x.shape):
        k = tuple(min(position, size - 1) for position, size in zip(i, y.shape, strict=True))
        dx[i] = dy[k] * np.exp(x[i] - (y[k] if y[k] != -np.inf else 0.0))


@logsumexp_backward.samples
def _(draw):
    x, ones = draw_reduction(draw)
    return {"dy": draw.array(ones), "x": x, "y": draw.array(ones, 3.0, 9.0), "dx": draw.out(x.shape)}


@op("input")
def logsumexp(input: Any, dim: int | tuple[int, ...], keepdim: bool = False) -> Any:
    """ln(sum(exp(input))) over the dimensions `dim`. See the top of this file."""
    x = check_float("logsumexp", "input", input)
    dims, ones, shape, _ = check_reduction("logsumexp", x.shape, dim, keepdim)
    lines = around(x, tuple(sorted(dims)))
    if lines.shape[2] == 1 and lines.strides[1] != x.itemsize:
        lines = copied(lines)
    y = empty(shape, x.dtype)
    logsumexp_forward(lines, y.reshape(lines.shape[::2]))

    def gradient(dy, needs):
        dx = empty(x.shape, x.dtype)
        logsumexp_backward(dy.reshape(ones), x, y.reshape(ones), dx)
        return dx

    return y, gradient, ("input", "output")
