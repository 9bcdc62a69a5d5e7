"""avg_pool3d: halving a volume, and overlapping windows."""

from functools import partial

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from run import Bench, out, randn

from pydl.ops.avg_pool3d import avg_pool3d_backward, avg_pool3d_forward

# N, C, D, H, kernel, stride, padding
SHAPES = [(2, 64, 16, 56, 2, 2, 0), (2, 64, 8, 28, 3, 2, 1)]


def sizes(N, C, D, H, kernel, stride, padding):
    return N, C, *((size + 2 * padding - kernel) // stride + 1 for size in (D, H, H))


def geometry(kernel, stride, padding):
    return (kernel,) * 3, (stride,) * 3, (padding,) * 3, True, 0


def forward_numpy(x, y, kernel, stride, padding, count_include_pad, divisor_override):
    padded = np.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)))
    a, b, c = stride
    sliding_window_view(padded, kernel, (2, 3, 4))[:, :, ::a, ::b, ::c].mean((-3, -2, -1), out=y)


def backward_numpy(dy, dx, kernel, stride, padding, count_include_pad, divisor_override):
    padded = np.zeros((*dx.shape[:2], *(size + 2 * p for size, p in zip(dx.shape[2:], padding, strict=True))), dx.dtype)
    share = dy / np.prod(kernel)
    for tap in np.ndindex(*kernel):
        places = tuple(slice(t, t + (n - 1) * s + 1, s) for t, s, n in zip(tap, stride, dy.shape[2:], strict=True))
        padded[(..., *places)] += share
    dx[...] = padded[(..., *(slice(p, p + size) for size, p in zip(dx.shape[2:], padding, strict=True)))]


def bytes_moved(N, C, D, H, kernel, stride, padding):
    return 4 * N * C * D * H * H + 4 * int(np.prod(sizes(N, C, D, H, kernel, stride, padding)))


def arguments(first, last, N, C, D, H, *settings):
    shapes = {"x": (N, C, D, H, H), "y": sizes(N, C, D, H, *settings)}
    return randn(*shapes[first]), out(*shapes[last]), *geometry(*settings)


SMALL = (1, 2, 4, 6, 2, 2, 0)
BENCHES = [
    Bench(kernel, SHAPES, small=SMALL, arguments=partial(arguments, *names), numpy=numpy, bytes=bytes_moved)
    for kernel, names, numpy in (
        (avg_pool3d_forward, "xy", forward_numpy),
        (avg_pool3d_backward, "yx", backward_numpy),
    )
]
