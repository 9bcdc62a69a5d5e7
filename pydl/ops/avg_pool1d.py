"""avg_pool1d: the mean of every window of a sequence.

    y[n,c,q] = 1/D * sum over j < K of  x[n, c, q*s - p + j]

with stride s and padding p (zeros). D is the number of elements of the window that lie in the input or, with
count_include_pad, in the input and its padding. It is avg_pool2d of planes of one row, and its kernels compute it.

Shapes    x (N, C, L), y (N, C, OL); or without N. OL = floor((L + 2 p - K) / s) + 1; ceil_mode as in max_pool2d
Gradient  dx[l] = sum of dy[q] / D over the windows q that hold l
Source    Goodfellow, Bengio, Courville, "Deep Learning", MIT Press 2016, section 9.3
"""

from __future__ import annotations

from typing import Any

from ..arguments import check_flag
from ..op import op
from .avg_pool2d import avg_pool2d_backward, avg_pool2d_forward
from .pooling import avg_pooling, check_pooling


@op("input")
def avg_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """The mean of every window of kernel_size (stride defaults to it). See the top of this file."""
    x, pool = check_pooling("avg_pool1d", input, kernel_size, stride, padding, 1, ceil_mode, 1)
    include = check_flag("avg_pool1d", "count_include_pad", count_include_pad)
    return avg_pooling(x, pool, avg_pool2d_forward, avg_pool2d_backward, include, 0)
