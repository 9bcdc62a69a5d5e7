"""avg_pool2d: the mean of every window.

    y[n,c,p,q] = 1/D * sum over i < KH, j < KW of  x[n, c, p*sh - ph + i, q*sw - pw + j]

with stride s and padding p (zeros). D is divisor_override if given; else the number of elements of the window that
lie in the input or, with count_include_pad, in the input and its padding.

Shapes    x (N, C, H, W), y (N, C, OH, OW); or without N.
          OH = floor((H + 2 ph - KH) / sh) + 1, and OW alike; ceil_mode as in max_pool2d.
Gradient  dx[h,w] = sum of dy[p,q] / D over the windows (p,q) that hold (h,w)
Source    LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition",
          Proceedings of the IEEE 86 (1998), section II.B
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_flag
from ..op import kernel, op
from .pooling import avg_pooling, check_divisor, check_pooling, draw_avg, window_in


@kernel(writes="y")
def avg_pool2d_forward(x, y, kernel, stride, padding, count_include_pad, divisor_override):
    """divisor_override is 0 where there is none."""
    for n, c, p, q in np.ndindex(y.shape):
        top, bottom, height = window_in(p * stride[0] - padding[0], x.shape[2], kernel[0], padding[0])
        left, right, width = window_in(q * stride[1] - padding[1], x.shape[3], kernel[1], padding[1])
        inside = (bottom - top) * (right - left)
        total = 0.0
        for h in range(top, bottom):
            for w in range(left, right):
                total += x[n, c, h, w]
        y[n, c, p, q] = total / (divisor_override or (height * width if count_include_pad else inside))


@kernel(writes="dx")
def avg_pool2d_backward(dy, dx, kernel, stride, padding, count_include_pad, divisor_override):
    dx[...] = 0.0
    for n, c, p, q in np.ndindex(dy.shape):
        top, bottom, height = window_in(p * stride[0] - padding[0], dx.shape[2], kernel[0], padding[0])
        left, right, width = window_in(q * stride[1] - padding[1], dx.shape[3], kernel[1], padding[1])
        inside = (bottom - top) * (right - left)
        divisor = divisor_override or (height * width if count_include_pad else inside)
        for h in range(top, bottom):
            for w in range(left, right):
                dx[n, c, h, w] += dy[n, c, p, q] / divisor


@avg_pool2d_forward.samples
def _(draw):
    return draw_avg(draw, 2, gradient=False)


@avg_pool2d_backward.samples
def _(draw):
    return draw_avg(draw, 2, gradient=True)


@op("input")
def avg_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """The mean of every window of kernel_size (stride defaults to it). See the top of this file."""
    x, pool = check_pooling("avg_pool2d", input, kernel_size, stride, padding, 1, ceil_mode)
    divisor = check_divisor("avg_pool2d", divisor_override)
    include = check_flag("avg_pool2d", "count_include_pad", count_include_pad)
    return avg_pooling(x, pool, avg_pool2d_forward, avg_pool2d_backward, include, divisor)
