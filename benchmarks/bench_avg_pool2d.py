"""avg_pool2d: halving, the end of an image network, overlapping windows."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from run import Bench, out, randn

from pydl.ops.avg_pool2d import avg_pool2d_backward, avg_pool2d_forward

# N, C, H, W, kernel, stride, padding
SHAPES = [(64, 32, 56, 56, 2, 2, 0), (64, 512, 7, 7, 7, 7, 0), (8, 64, 112, 112, 3, 2, 1)]


def sizes(N, C, H, W, kernel, stride, padding):
    return N, C, (H + 2 * padding - kernel) // stride + 1, (W + 2 * padding - kernel) // stride + 1


def settings(kernel, stride, padding):
    return (kernel, kernel), (stride, stride), (padding, padding), True, 0


def forward_numpy(x, y, kernel, stride, padding, count_include_pad, divisor_override):
    (ph, pw), (sh, sw) = padding, stride
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    sliding_window_view(padded, kernel, (2, 3))[:, :, ::sh, ::sw].mean((-2, -1), out=y)


def backward_numpy(dy, dx, kernel, stride, padding, count_include_pad, divisor_override):
    (_, _, H, W), (_, _, OH, OW) = dx.shape, dy.shape
    padded = np.zeros((*dx.shape[:2], H + 2 * padding[0], W + 2 * padding[1]), dx.dtype)
    share = dy / (kernel[0] * kernel[1])
    for i, j in np.ndindex(kernel):
        rows = slice(i, i + (OH - 1) * stride[0] + 1, stride[0])
        columns = slice(j, j + (OW - 1) * stride[1] + 1, stride[1])
        padded[:, :, rows, columns] += share
    dx[...] = padded[:, :, padding[0] : padding[0] + H, padding[1] : padding[1] + W]


def bytes_moved(N, C, H, W, kernel, stride, padding):
    return 4 * N * C * H * W + 4 * int(np.prod(sizes(N, C, H, W, kernel, stride, padding)))


BENCHES = [
    Bench(
        avg_pool2d_forward,
        SHAPES,
        small=(1, 2, 12, 12, 2, 2, 0),
        arguments=lambda *s: (randn(*s[:4]), out(*sizes(*s)), *settings(*s[4:])),
        numpy=forward_numpy,
        bytes=bytes_moved,
    ),
    Bench(
        avg_pool2d_backward,
        SHAPES,
        small=(1, 2, 12, 12, 2, 2, 0),
        arguments=lambda *s: (randn(*sizes(*s)), out(*s[:4]), *settings(*s[4:])),
        numpy=backward_numpy,
        bytes=bytes_moved,
    ),
]
