"""max_pool1d: the largest element of every window of a sequence.

    y[n,c,q] = max over j < K of  x[n, c, q*s - p + j*d]

with stride s, padding p and dilation d. Padding counts as -inf. It is max_pool2d of planes of one row, and its kernels
compute it.

Shapes    x (N, C, L), y (N, C, OL); or without N. OL = floor((L + 2 p - d (K - 1) - 1) / s) + 1; ceil_mode as in
          max_pool2d
Gradient  dx[the winner of window q] += dy[q]
Special   of equal elements the first wins; NaN wins over every number
Source    Goodfellow, Bengio, Courville, "Deep Learning", MIT Press 2016, section 9.3
"""

from __future__ import annotations

from typing import Any

from ..arguments import check_flag
from ..op import op
from .max_pool2d import max_pool2d_backward, max_pool2d_forward
from .pooling import check_pooling, max_pooling


@op("input", several=True)
def max_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of every window of kernel_size (stride defaults to it). See the top of this file.

    return_indices: also the position of each largest element in its sequence, int64.
    """
    x, pool = check_pooling("max_pool1d", input, kernel_size, stride, padding, dilation, ceil_mode, 1)
    return_indices = check_flag("max_pool1d", "return_indices", return_indices)
    return max_pooling(x, pool, max_pool2d_forward, max_pool2d_backward, return_indices)
