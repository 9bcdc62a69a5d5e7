"""max_pool3d: the largest element of every window of a volume.

    y[n,c,z,p,q] = max over k, i, j of  x[n, c, z*s - pad + k*d, p*s - pad + i*d, q*s - pad + j*d]

with stride s, padding pad and dilation d, each for three dimensions. Padding counts as -inf.

Shapes    x (N, C, D, H, W), y (N, C, OD, OH, OW); or without N. The sizes are max_pool2d's
Gradient  dx[the winner of window (z,p,q)] += dy[z,p,q]
Special   of equal elements the first in row-major order wins; NaN wins over every number
Source    Tran, Bourdev, Fergus, Torresani, Paluri, "Learning spatiotemporal features with 3D convolutional networks",
          ICCV 2015
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_flag
from ..op import kernel, op
from .pooling import check_pooling, draw_max_backward, draw_max_forward, max_pooling


def place_in(output, element, stride, padding, dilation):
    """Where an element of an output's window lies in the volume."""
    return [output[a] * stride[a] - padding[a] + element[a] * dilation[a] for a in range(3)]


@kernel(writes="y, window, indices")
def max_pool3d_forward(x, y, window, indices, kernel, stride, padding, dilation):
    """window: number (k*KH + i)*KW + j of the winner; indices: its position (d*H + h)*W + w. Each may be None."""
    sizes = x.shape[2:]
    for n, c, *zpq in np.ndindex(y.shape):
        best = -np.inf
        winner: Any = None
        for number, kij in enumerate(np.ndindex(*kernel)):
            dhw = place_in(zpq, kij, stride, padding, dilation)
            if all(0 <= place < size for place, size in zip(dhw, sizes, strict=True)):
                value = x[n, c, *dhw]
                if winner is None or value > best or np.isnan(value):
                    best, winner = value, (number, (dhw[0] * sizes[1] + dhw[1]) * sizes[2] + dhw[2])
        y[n, c, *zpq] = best
        if window is not None:
            window[n, c, *zpq] = winner[0]
        if indices is not None:
            indices[n, c, *zpq] = winner[1]


@kernel(writes="dx")
def max_pool3d_backward(dy, window, indices, dx, kernel, stride, padding, dilation):
    """Needs one of window and indices."""
    _, H, W = dx.shape[2:]
    _, KH, KW = kernel
    dx[...] = 0.0
    for n, c, *zpq in np.ndindex(dy.shape):
        if window is not None:
            ki, j = divmod(int(window[n, c, *zpq]), KW)
            dhw = place_in(zpq, (*divmod(ki, KH), j), stride, padding, dilation)
        else:
            dh, w = divmod(int(indices[n, c, *zpq]), W)
            dhw = [*divmod(dh, H), w]
        dx[n, c, *dhw] += dy[n, c, *zpq]


@max_pool3d_forward.samples
def _(draw):
    return draw_max_forward(draw, 3)


@max_pool3d_backward.samples
def _(draw):
    return draw_max_backward(draw, 3, max_pool3d_forward)


@op("input", several=True)
def max_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of every window of kernel_size (stride defaults to it). See the top of this file.

    return_indices: also the position (d*H + h)*W + w of each largest element in its volume, int64.
    """
    x, pool = check_pooling("max_pool3d", input, kernel_size, stride, padding, dilation, ceil_mode, 3)
    return_indices = check_flag("max_pool3d", "return_indices", return_indices)
    return max_pooling(x, pool, max_pool3d_forward, max_pool3d_backward, return_indices)
