"""max_pool3d: halving a volume, and overlapping windows."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from run import Bench, out, randn

from pydl.ops.max_pool3d import max_pool3d_backward, max_pool3d_forward

# N, C, D, H, kernel, stride, padding
SHAPES = [(2, 64, 16, 56, 2, 2, 0), (2, 64, 8, 28, 3, 2, 1)]


def sizes(N, C, D, H, kernel, stride, padding):
    return N, C, *((size + 2 * padding - kernel) // stride + 1 for size in (D, H, H))


def geometry(kernel, stride, padding):
    return (kernel,) * 3, (stride,) * 3, (padding,) * 3, (1, 1, 1)


def forward_arguments(N, C, D, H, kernel, stride, padding):
    shape = sizes(N, C, D, H, kernel, stride, padding)
    return randn(N, C, D, H, H), out(*shape), out(*shape, dtype=np.uint8), None, *geometry(kernel, stride, padding)


def backward_arguments(N, C, D, H, kernel, stride, padding):
    x, y, window, _, *rest = forward_arguments(N, C, D, H, kernel, stride, padding)
    max_pool3d_forward(x, y, window, None, *rest)
    return randn(*y.shape), window, None, out(*x.shape), *rest


def forward_numpy(x, y, window, indices, kernel, stride, padding, dilation):
    padded = np.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)), constant_values=-np.inf)
    a, b, c = stride
    windows = sliding_window_view(padded, kernel, (2, 3, 4))[:, :, ::a, ::b, ::c]
    window[...] = windows.reshape(*y.shape, -1).argmax(-1)
    windows.max((-3, -2, -1), out=y)


def backward_numpy(dy, window, indices, dx, kernel, stride, padding, dilation):
    padded = np.zeros((*dx.shape[:2], *(size + 2 * p for size, p in zip(dx.shape[2:], padding, strict=True))), dx.dtype)
    for number, tap in enumerate(np.ndindex(*kernel)):
        places = tuple(slice(t, t + (n - 1) * s + 1, s) for t, s, n in zip(tap, stride, dy.shape[2:], strict=True))
        padded[(..., *places)] += dy * (window == number)
    dx[...] = padded[(..., *(slice(p, p + size) for size, p in zip(dx.shape[2:], padding, strict=True)))]


def bytes_moved(N, C, D, H, kernel, stride, padding):
    return 4 * N * C * D * H * H + 5 * int(np.prod(sizes(N, C, D, H, kernel, stride, padding)))


SMALL = (1, 2, 4, 6, 2, 2, 0)
BENCHES = [
    Bench(max_pool3d_forward, SHAPES, small=SMALL, arguments=forward_arguments, numpy=forward_numpy, bytes=bytes_moved),
    Bench(
        max_pool3d_backward, SHAPES, small=SMALL, arguments=backward_arguments, numpy=backward_numpy, bytes=bytes_moved
    ),
]
