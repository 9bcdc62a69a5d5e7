"""conv3d_winograd: 3x3x3 and 1x3x3 layers of a network for short films. Rates are of the direct sum."""

import numpy as np
from bench_conv3d import forward_numpy, weight_gradient_numpy
from run import Bench, out, randn

from pydl.ops.conv3d_winograd import conv3d_winograd, conv3d_winograd_weight

# N, C, D, H, O, T (depth of the filters)
SHAPES = [(2, 16, 16, 32, 32, 3), (2, 64, 8, 28, 64, 3), (2, 128, 4, 14, 128, 3), (2, 64, 8, 28, 64, 1)]
SMALL = (1, 3, 3, 5, 2, 3)
ONES = (1, 1, 1)


def arrays(N, C, D, H, O, T):  # noqa: E741
    return (N, C, D, H, H), (O, C, T, 3, 3), (N, O, D, H, H), (T // 2, T // 2, 1, 1, 1, 1)


def flops(N, C, D, H, O, T):  # noqa: E741
    return 2 * N * O * D * H * H * C * T * 9


def arguments(*shape):
    x, w, y, padding = arrays(*shape)
    return randn(*x), randn(*w), randn(w[0]), out(*y), padding, 4


def weight_arguments(*shape):
    x, w, y, padding = arrays(*shape)
    return randn(*y), randn(*x), out(*w), out(w[0]), padding


def padded(x, padding):
    return np.pad(x, ((0, 0), (0, 0), *(padding[2 * axis :][:2] for axis in range(3))))


def numpy(x, w, b, y, padding, tile):
    forward_numpy(padded(x, padding), w, b, y, ONES, (0,) * 6, ONES, 1)


def weight_numpy(dy, x, dw, db, padding):
    weight_gradient_numpy(dy, padded(x, padding), dw, db, ONES, (0,) * 6, ONES, 1)


BENCHES = [
    Bench(conv3d_winograd, SHAPES, small=SMALL, arguments=arguments, numpy=numpy, flops=flops),
    Bench(conv3d_winograd_weight, SHAPES, small=SMALL, arguments=weight_arguments, numpy=weight_numpy, flops=flops),
]
