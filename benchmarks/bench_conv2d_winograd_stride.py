"""conv2d_winograd_stride: layers of stride 2 of common networks. flops are the direct sum's, so that rates compare with
conv2d's.
"""

from bench_conv2d import (
    flops,
    forward_arguments,
    forward_numpy,
    input_gradient_arguments,
    input_gradient_numpy,
    weight_gradient_arguments,
    weight_gradient_numpy,
)
from run import Bench

from pydl.ops.conv2d_winograd_stride import (
    conv2d_winograd_stride,
    conv2d_winograd_stride_gradient,
    conv2d_winograd_stride_weight,
)

# N, C, H, O, filter size, stride, padding, groups
SHAPES = [
    (8, 64, 56, 128, 3, 2, 1, 1),
    (64, 16, 32, 32, 3, 2, 1, 1),
    (7, 33, 31, 65, 3, 2, 1, 1),
    (8, 32, 28, 64, 4, 2, 1, 1),
    (8, 64, 32, 128, 4, 2, 1, 1),
]
FIRST = [(8, 3, 224, 64, 7, 2, 3, 1)]
SMALL = (1, 2, 8, 2, 4, 2, 1, 1)


def without_dilation(arguments):
    """The arguments for kernels that know none."""

    def made(*shape):
        *arrays, stride, padding, _, groups = arguments(*shape)
        return *arrays, stride, padding, groups

    return made


def forward(x, w, b, y, stride, padding, groups):
    forward_numpy(x, w, b, y, stride, padding, (1, 1), groups)


def gradient_arguments(*shape):
    dy, w, dx, *settings = without_dilation(input_gradient_arguments)(*shape)
    return dy, w, None, dx, *settings


def gradient(dy, w, b, dx, stride, padding, groups):
    input_gradient_numpy(dy, w, dx, stride, padding, (1, 1), groups)


def weight_arguments(*shape):
    return without_dilation(weight_gradient_arguments)(*shape)[:-1]


def weight(dy, x, dw, db, stride, padding):
    weight_gradient_numpy(dy, x, dw, db, stride, padding, (1, 1), 1)


BENCHES = [
    Bench(kernel, shapes, small=SMALL, arguments=arguments, numpy=numpy, flops=flops)
    for kernel, shapes, arguments, numpy in (
        (conv2d_winograd_stride, SHAPES + FIRST, without_dilation(forward_arguments), forward),
        (conv2d_winograd_stride_gradient, SHAPES, gradient_arguments, gradient),
        (conv2d_winograd_stride_weight, SHAPES, weight_arguments, weight),
    )
]
