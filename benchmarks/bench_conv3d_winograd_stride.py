"""conv3d_winograd_stride: layers of a network for short films that halve its frames. Rates are of the direct sum."""

import numpy as np
from bench_conv3d import forward_numpy, input_gradient_numpy, size_out, weight_gradient_numpy
from run import Bench, out, randn

from pydl.ops.conv3d_winograd_stride import (
    conv3d_winograd_stride,
    conv3d_winograd_stride_gradient,
    conv3d_winograd_stride_weight,
)

# N, C, D, H, O, T (depth of the filters), stride along the depth
SHAPES = [(2, 16, 16, 56, 32, 3, 2), (2, 64, 8, 28, 128, 3, 2), (2, 64, 8, 28, 128, 1, 1)]
SMALL = (1, 3, 3, 6, 2, 3, 2)
ONES = (1, 1, 1)


def arrays(N, C, D, H, O, T, step):  # noqa: E741
    padding = (T // 2, T // 2, 1, 1, 1, 1)
    size = size_out(D, T, step, T // 2), *(size_out(H, 3, 2, 1),) * 2
    return (N, C, D, H, H), (O, C, T, 3, 3), (N, O, *size), ((step, 2, 2), padding)


def flops(N, C, D, H, O, T, step):  # noqa: E741
    return 2 * int(np.prod(arrays(N, C, D, H, O, T, step)[2])) * C * T * 9


def forward_arguments(*shape):
    x, w, y, settings = arrays(*shape)
    return randn(*x), randn(*w), randn(w[0]), out(*y), *settings


def gradient_arguments(*shape):
    x, w, y, settings = arrays(*shape)
    return randn(*y), randn(*w), out(*x), *settings


def weight_arguments(*shape):
    x, w, y, settings = arrays(*shape)
    return randn(*y), randn(*x), out(*w), out(w[0]), *settings


def padded(x, padding):
    return np.pad(x, ((0, 0), (0, 0), *(padding[2 * axis :][:2] for axis in range(3))))


def forward(x, w, b, y, stride, padding):
    forward_numpy(padded(x, padding), w, b, y, stride, (0,) * 6, ONES, 1)


def gradient(dy, w, dx, stride, padding):
    whole = np.zeros(
        (*dx.shape[:2], *(size + padding[2 * k] + padding[2 * k + 1] for k, size in enumerate(dx.shape[2:])))
    )
    input_gradient_numpy(dy, w, whole, stride, (0,) * 6, ONES, 1)
    dx[...] = whole[(..., *(slice(padding[2 * k], padding[2 * k] + size) for k, size in enumerate(dx.shape[2:])))]


def weight(dy, x, dw, db, stride, padding):
    weight_gradient_numpy(dy, padded(x, padding), dw, db, stride, (0,) * 6, ONES, 1)


BENCHES = [
    Bench(kernel, SHAPES, small=SMALL, arguments=arguments, numpy=numpy, flops=flops)
    for kernel, arguments, numpy in (
        (conv3d_winograd_stride, forward_arguments, forward),
        (conv3d_winograd_stride_gradient, gradient_arguments, gradient),
        (conv3d_winograd_stride_weight, weight_arguments, weight),
    )
]
