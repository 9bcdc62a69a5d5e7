"""max_pool2d: the largest element of every window.

    y[n,c,p,q] = max over i < KH, j < KW of  x[n, c, p*sh - ph + i*dh, q*sw - pw + j*dw]

with stride s, padding p and dilation d. Padding counts as -inf.

Shapes    x (N, C, H, W), y (N, C, OH, OW); or without N.
          OH = floor((H + 2 ph - dh (KH - 1) - 1) / sh) + 1, and OW alike. ceil_mode rounds up instead, but leaves out
          a last window that would start right of the input and its left padding.
Gradient  dx[the winner of window (p,q)] += dy[p,q]
Special   of equal elements the first in row-major order wins; NaN wins over every number
Source    Ranzato, Huang, Boureau, LeCun, "Unsupervised learning of invariant feature hierarchies", CVPR 2007;
          Goodfellow, Bengio, Courville, "Deep Learning", MIT Press 2016, section 9.3
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_flag
from ..op import kernel, op
from .pooling import check_pooling, draw_max_backward, draw_max_forward, max_pooling


@kernel(writes="y, window, indices")
def max_pool2d_forward(x, y, window, indices, kernel, stride, padding, dilation):
    """window: number i*KW + j of the winner; indices: its position h*W + w in the plane. Each may be None."""
    H, W = x.shape[2:]
    (KH, KW), (sh, sw), (ph, pw), (dh, dw) = kernel, stride, padding, dilation
    for n, c, p, q in np.ndindex(y.shape):
        best = -np.inf
        winner: Any = None
        for i in range(KH):
            for j in range(KW):
                h, w = p * sh - ph + i * dh, q * sw - pw + j * dw
                if 0 <= h < H and 0 <= w < W:
                    value = x[n, c, h, w]
                    if winner is None or value > best or np.isnan(value):
                        best, winner = value, (i * KW + j, h * W + w)
        y[n, c, p, q] = best
        if window is not None:
            window[n, c, p, q] = winner[0]
        if indices is not None:
            indices[n, c, p, q] = winner[1]


@kernel(writes="dx")
def max_pool2d_backward(dy, window, indices, dx, kernel, stride, padding, dilation):
    """Needs one of window and indices."""
    W, KW = dx.shape[3], kernel[1]
    (sh, sw), (ph, pw), (dh, dw) = stride, padding, dilation
    dx[...] = 0.0
    for n, c, p, q in np.ndindex(dy.shape):
        if window is not None:
            i, j = divmod(int(window[n, c, p, q]), KW)
            h, w = p * sh - ph + i * dh, q * sw - pw + j * dw
        else:
            h, w = divmod(int(indices[n, c, p, q]), W)
        dx[n, c, h, w] += dy[n, c, p, q]


@max_pool2d_forward.samples
def _(draw):
    return draw_max_forward(draw, 2)


@max_pool2d_backward.samples
def _(draw):
    return draw_max_backward(draw, 2, max_pool2d_forward)


@op("input", several=True)
def max_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of every window of kernel_size (stride defaults to it). See the top of this file.

    return_indices: also the position h*W + w of each largest element in its plane, int64.
    """
    x, pool = check_pooling("max_pool2d", input, kernel_size, stride, padding, dilation, ceil_mode)
    return_indices = check_flag("max_pool2d", "return_indices", return_indices)
    return max_pooling(x, pool, max_pool2d_forward, max_pool2d_backward, return_indices)
