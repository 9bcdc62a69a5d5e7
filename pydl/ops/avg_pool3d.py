"""avg_pool3d: the mean of every window of a volume.

    y[n,c,z,p,q] = 1/D * sum over k, i, j of  x[n, c, z*s - pad + k, p*s - pad + i, q*s - pad + j]

with stride s and padding pad (zeros), each for three dimensions. D is divisor_override if given; else the number of
elements of the window that lie in the input or, with count_include_pad, in the input and its padding.

Shapes    x (N, C, D, H, W), y (N, C, OD, OH, OW); or without N. The sizes are avg_pool2d's
Gradient  dx[d,h,w] = sum of dy[z,p,q] / D over the windows (z,p,q) that hold (d,h,w)
Source    Tran, Bourdev, Fergus, Torresani, Paluri, "Learning spatiotemporal features with 3D convolutional networks",
          ICCV 2015
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import check_flag
from ..op import kernel, op
from .pooling import avg_pooling, check_divisor, check_pooling, draw_avg, window_in


def _window(zpq, sizes, kernel, stride, padding, count_include_pad, divisor_override):
    """The places of a window inside the input, and its divisor."""
    axes = [window_in(zpq[a] * stride[a] - padding[a], sizes[a], kernel[a], padding[a]) for a in range(3)]
    inside = [range(begin, end) for begin, end, _ in axes]
    counted = math.prod(length for _, _, length in axes) if count_include_pad else math.prod(map(len, inside))
    places = [(d, h, w) for d in inside[0] for h in inside[1] for w in inside[2]]
    return places, divisor_override or counted


@kernel(writes="y")
def avg_pool3d_forward(x, y, kernel, stride, padding, count_include_pad, divisor_override):
    """divisor_override is 0 where there is none."""
    settings = (kernel, stride, padding, count_include_pad, divisor_override)
    for n, c, *zpq in np.ndindex(y.shape):
        places, divisor = _window(zpq, x.shape[2:], *settings)
        total = 0.0
        for place in places:
            total += x[n, c, *place]
        y[n, c, *zpq] = total / divisor


@kernel(writes="dx")
def avg_pool3d_backward(dy, dx, kernel, stride, padding, count_include_pad, divisor_override):
    settings = (kernel, stride, padding, count_include_pad, divisor_override)
    dx[...] = 0.0
    for n, c, *zpq in np.ndindex(dy.shape):
        places, divisor = _window(zpq, dx.shape[2:], *settings)
        for place in places:
            dx[n, c, *place] += dy[n, c, *zpq] / divisor


@avg_pool3d_forward.samples
def _(draw):
    return draw_avg(draw, 3, gradient=False)


@avg_pool3d_backward.samples
def _(draw):
    return draw_avg(draw, 3, gradient=True)


@op("input")
def avg_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """The mean of every window of kernel_size (stride defaults to it). See the top of this file."""
    x, pool = check_pooling("avg_pool3d", input, kernel_size, stride, padding, 1, ceil_mode, 3)
    divisor = check_divisor("avg_pool3d", divisor_override)
    include = check_flag("avg_pool3d", "count_include_pad", count_include_pad)
    return avg_pooling(x, pool, avg_pool3d_forward, avg_pool3d_backward, include, divisor)
