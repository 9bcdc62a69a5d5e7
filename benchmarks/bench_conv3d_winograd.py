"""conv3d_winograd: layers of a network for short films, some with a stride. Rates are of the direct sum."""

import numpy as np
from bench_conv3d import forward_numpy, input_gradient_numpy, size_out, weight_gradient_numpy
from run import Bench, out, randn

from pydl.ops.conv3d_winograd import conv3d_winograd, conv3d_winograd_gradient, conv3d_winograd_weight

# N, C, D, H, O, T (depth of the filters), stride along the depth, along rows and columns
STRIDE = [(2, 16, 16, 56, 32, 3, 2, 2), (2, 64, 8, 28, 128, 3, 2, 2), (2, 64, 8, 28, 128, 1, 1, 2)]
SHAPES = [
    (2, 16, 16, 32, 32, 3, 1, 1),
    (2, 64, 8, 28, 64, 3, 1, 1),
    (2, 128, 4, 14, 128, 3, 1, 1),
    (2, 64, 8, 28, 64, 1, 1, 1),
    *STRIDE,
]
SMALL = (1, 3, 3, 5, 2, 3, 2, 2)
ONES = (1, 1, 1)


def arrays(N, C, D, H, O, T, step, steps):  # noqa: E741
    size = size_out(D, T, step, T // 2), *(size_out(H, 3, steps, 1),) * 2
    padding = (T // 2, T // 2, 1, 1, 1, 1)
    return (N, C, D, H, H), (O, C, T, 3, 3), (N, O, *size), ((step, steps, steps), padding)


def flops(*shape):
    _, w, y, _ = arrays(*shape)
    return 2 * int(np.prod(y)) * int(np.prod(w[1:]))


def forward_arguments(*shape):
    x, w, y, settings = arrays(*shape)
    return randn(*x), randn(*w), randn(w[0]), out(*y), *settings, 4


def gradient_arguments(*shape):
    x, w, y, settings = arrays(*shape)
    return randn(*y), randn(*w), None, out(*x), *settings


def weight_arguments(*shape):
    x, w, y, settings = arrays(*shape)
    return randn(*y), randn(*x), out(*w), out(w[0]), *settings


def padded(x, padding):
    return np.pad(x, ((0, 0), (0, 0), *(padding[2 * axis :][:2] for axis in range(3))))


def forward(x, w, b, y, stride, padding, tile):
    forward_numpy(padded(x, padding), w, b, y, stride, (0,) * 6, ONES, 1)


def gradient(dy, w, b, dx, stride, padding):
    whole = padded(np.zeros_like(dx), padding)
    input_gradient_numpy(dy, w, whole, stride, (0,) * 6, ONES, 1)
    dx[...] = whole[(..., *(slice(padding[2 * k], padding[2 * k] + size) for k, size in enumerate(dx.shape[2:])))]


def weight(dy, x, dw, db, stride, padding):
    weight_gradient_numpy(dy, padded(x, padding), dw, db, stride, (0,) * 6, ONES, 1)


BENCHES = [
    Bench(kernel, shapes, small=SMALL, arguments=arguments, numpy=numpy, flops=flops)
    for kernel, shapes, arguments, numpy in (
        (conv3d_winograd, SHAPES, forward_arguments, forward),
        (conv3d_winograd_gradient, STRIDE, gradient_arguments, gradient),
        (conv3d_winograd_weight, SHAPES, weight_arguments, weight),
    )
]
