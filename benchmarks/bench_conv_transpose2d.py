"""conv_transpose2d: what decoders enlarge with: filters of 4 and 2 with stride 2, and stride 1."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.conv_transpose2d import conv_transpose2d_forward

# N, C, sizes of x, O, U (filter size), stride, padding
SHAPES = [
    (16, 64, (14, 14), 32, 4, 2, 1),
    (16, 128, (7, 7), 64, 2, 2, 0),
    (4, 32, (56, 56), 3, 4, 2, 1),
    (8, 64, (28, 28), 64, 3, 1, 1),
]


def sizes(size, U, stride, padding):
    return tuple((each - 1) * stride - 2 * padding + U for each in size)


def arguments(N, C, size, O, U, stride, padding):  # noqa: E741
    dims = len(size)
    settings = ((stride,) * dims, (padding,) * 2 * dims, (1,) * dims, 1)
    y = out(N, O, *sizes(size, U, stride, padding))
    return randn(N, C, *size), randn(C, O, *(U,) * dims), randn(O), y, *settings


def flops(N, C, size, O, U, stride, padding):  # noqa: E741
    return 2 * N * C * int(np.prod(size)) * O * U ** len(size)


def numpy(x, w, b, y, stride, padding, dilation, groups):
    whole = np.zeros((*y.shape[:2], *(each + 2 * padding[0] for each in y.shape[2:])), y.dtype)
    for tap in np.ndindex(w.shape[2:]):
        places = tuple(slice(t, t + s * n, s) for t, s, n in zip(tap, stride, x.shape[2:], strict=True))
        whole[(..., *places)] += np.moveaxis(np.tensordot(x, w[:, :, *tap], ((1,), (0,))), -1, 1)
    inside = tuple(slice(padding[0], padding[0] + each) for each in y.shape[2:])
    y[...] = whole[(..., *inside)] + b.reshape(-1, *(1,) * len(inside))


BENCHES = [
    Bench(
        conv_transpose2d_forward,
        SHAPES,
        small=(1, 2, (3, 3), 2, 3, 2, 1),
        arguments=arguments,
        numpy=numpy,
        flops=flops,
    ),
]
