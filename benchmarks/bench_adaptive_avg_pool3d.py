"""adaptive_avg_pool3d: to one element, to windows side by side, and to uneven ones."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.adaptive import window_of
from pydl.ops.adaptive_avg_pool3d import adaptive_avg_pool3d_backward, adaptive_avg_pool3d_forward

# N, C, sizes of x, of y
SHAPES = [
    (64, 512, (1, 7, 7), (1, 1, 1)),
    (32, 64, (1, 56, 56), (1, 7, 7)),
    (32, 64, (1, 13, 13), (1, 6, 6)),
    (2, 64, (8, 14, 14), (1, 1, 1)),
]
SMALL = (1, 2, (1, 6, 6), (1, 2, 2))


def windows(x, y):
    """(index of an output, index of its window) for all outputs of a volume."""
    for zpq in np.ndindex(y.shape[2:]):
        ranges = [window_of(o, out, size) for o, out, size in zip(zpq, y.shape[2:], x.shape[2:], strict=True)]
        yield (..., *zpq), (..., *(slice(each.start, each.stop) for each in ranges))


def forward_arguments(N, C, x, y):
    return randn(N, C, *x), out(N, C, *y)


def backward_arguments(N, C, x, y):
    return randn(N, C, *y), out(N, C, *x)


def forward_numpy(x, y):
    for output, window in windows(x, y):
        y[output] = x[window].mean((-3, -2, -1))


def backward_numpy(dy, dx):
    dx[...] = 0
    for output, window in windows(dx, dy):
        dx[window] += (dy[output] / dx[window][0, 0].size)[..., None, None, None]


def bytes_moved(N, C, x, y):
    return 4 * N * C * int(np.prod(x)) + 4 * N * C * int(np.prod(y))


BENCHES = [
    Bench(kernel, SHAPES, small=SMALL, arguments=arguments, numpy=numpy, bytes=bytes_moved)
    for kernel, arguments, numpy in (
        (adaptive_avg_pool3d_forward, forward_arguments, forward_numpy),
        (adaptive_avg_pool3d_backward, backward_arguments, backward_numpy),
    )
]
