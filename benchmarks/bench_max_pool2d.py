"""max_pool2d: the notes' network, an early and a late layer of an image network, overlapping windows."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from run import Bench, out, randn

from pydl.ops.max_pool2d import max_pool2d_backward, max_pool2d_forward

# N, C, H, W, kernel, stride, padding
SHAPES = [(100, 20, 24, 24, 2, 2, 0), (64, 32, 56, 56, 2, 2, 0), (8, 64, 112, 112, 3, 2, 1), (32, 64, 14, 14, 3, 1, 1)]


def sizes(N, C, H, W, kernel, stride, padding):
    return N, C, (H + 2 * padding - kernel) // stride + 1, (W + 2 * padding - kernel) // stride + 1


def geometry(kernel, stride, padding):
    return (kernel, kernel), (stride, stride), (padding, padding), (1, 1)


def forward_arguments(N, C, H, W, kernel, stride, padding):
    shape = sizes(N, C, H, W, kernel, stride, padding)
    window = out(*shape, dtype=np.uint8)
    return randn(N, C, H, W), out(*shape), window, None, *geometry(kernel, stride, padding)


def backward_arguments(N, C, H, W, kernel, stride, padding):
    x, y, window, _, *rest = forward_arguments(N, C, H, W, kernel, stride, padding)
    max_pool2d_forward(x, y, window, None, *rest)
    return randn(*y.shape), window, None, out(N, C, H, W), *rest


def forward_numpy(x, y, window, indices, kernel, stride, padding, dilation):
    (ph, pw), (sh, sw) = padding, stride
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)), constant_values=-np.inf)
    windows = sliding_window_view(padded, kernel, (2, 3))[:, :, ::sh, ::sw]
    window[...] = windows.reshape(*y.shape, -1).argmax(-1)
    windows.max((-2, -1), out=y)


def backward_numpy(dy, window, indices, dx, kernel, stride, padding, dilation):
    (_, _, H, W), (_, _, OH, OW) = dx.shape, dy.shape
    padded = np.zeros((*dx.shape[:2], H + 2 * padding[0], W + 2 * padding[1]), dx.dtype)
    for i, j in np.ndindex(kernel):
        rows = slice(i, i + (OH - 1) * stride[0] + 1, stride[0])
        columns = slice(j, j + (OW - 1) * stride[1] + 1, stride[1])
        padded[:, :, rows, columns] += dy * (window == i * kernel[1] + j)
    dx[...] = padded[:, :, padding[0] : padding[0] + H, padding[1] : padding[1] + W]


def bytes_moved(N, C, H, W, kernel, stride, padding):
    return 4 * N * C * H * W + 5 * int(np.prod(sizes(N, C, H, W, kernel, stride, padding)))


BENCHES = [
    Bench(
        max_pool2d_forward,
        SHAPES,
        small=(1, 2, 12, 12, 2, 2, 0),
        arguments=forward_arguments,
        numpy=forward_numpy,
        bytes=bytes_moved,
    ),
    Bench(
        max_pool2d_backward,
        SHAPES,
        small=(1, 2, 12, 12, 2, 2, 0),
        arguments=backward_arguments,
        numpy=backward_numpy,
        bytes=bytes_moved,
    ),
]
