"""adaptive_max_pool3d: to one element, to windows side by side, and to uneven ones."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.adaptive import window_of
from pydl.ops.adaptive_max_pool3d import adaptive_max_pool3d_backward, adaptive_max_pool3d_forward

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
    return randn(N, C, *x), out(N, C, *y), out(N, C, *y, dtype=np.int64)


def backward_arguments(N, C, x, y):
    arrays = forward_arguments(N, C, x, y)
    adaptive_max_pool3d_forward(*arrays)
    return randn(N, C, *y), arrays[2], out(N, C, *x)


def forward_numpy(x, y, indices):
    position = np.arange(np.prod(x.shape[2:])).reshape(x.shape[2:])
    for output, window in windows(x, y):
        part = x[window].reshape(*x.shape[:2], -1)
        y[output] = part.max(-1)
        indices[output] = position[window].ravel()[part.argmax(-1)]


def backward_numpy(dy, indices, dx):
    dx[...] = 0
    flat = dx.reshape(*dx.shape[:2], -1)
    for output in np.ndindex(dy.shape[2:]):
        place = indices[(..., *output)][..., None]
        np.put_along_axis(flat, place, np.take_along_axis(flat, place, -1) + dy[(..., *output)][..., None], -1)


def bytes_moved(N, C, x, y):
    return 4 * N * C * int(np.prod(x)) + 12 * N * C * int(np.prod(y))


BENCHES = [
    Bench(kernel, SHAPES, small=SMALL, arguments=arguments, numpy=numpy, bytes=bytes_moved)
    for kernel, arguments, numpy in (
        (adaptive_max_pool3d_forward, forward_arguments, forward_numpy),
        (adaptive_max_pool3d_backward, backward_arguments, backward_numpy),
    )
]
