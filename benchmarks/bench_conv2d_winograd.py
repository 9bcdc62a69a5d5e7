"""conv2d_winograd: 3x3 and 5x5 layers of common networks. flops are the direct sum's,
so that rates compare with conv2d's.
"""

from bench_conv2d import (
    flops,
    forward_arguments,
    forward_numpy,
    input_gradient_arguments,
    input_gradient_numpy,
    weight_gradient_numpy,
)
from run import Bench, out, randn

from pydl.ops.conv2d_winograd import (
    conv2d_winograd,
    conv2d_winograd_stride,
    conv2d_winograd_stride_gradient,
    conv2d_winograd_weight,
)

# N, C, H, O, filter size, tile
SHAPES = [
    (8, 64, 56, 64, 3, 4),
    (1, 64, 56, 64, 3, 4),
    (8, 128, 28, 128, 3, 4),
    (8, 256, 14, 256, 3, 2),
    (8, 512, 7, 512, 3, 2),
    (64, 32, 32, 32, 3, 4),
    (33, 37, 13, 45, 3, 2),
    (8, 64, 28, 64, 5, 4),
    (64, 20, 8, 40, 5, 4),
]
SMALL = (1, 2, 8, 2, 3, 4)
# The same with stride 2, without a tile.
STRIDE_SHAPES = [(8, 64, 56, 128), (64, 16, 32, 32), (64, 32, 16, 64), (7, 33, 31, 65)]
STRIDE = 3, 2, 1, 1  # filter size, stride, padding, groups


def arguments(N, C, H, O, K, tile):  # noqa: E741
    return randn(N, C, H, H), randn(O, C, K, K), randn(O), out(N, O, H, H), (K // 2,) * 4, (1, 1), 1, tile


def numpy(x, w, b, y, padding, dilation, groups, tile):
    forward_numpy(x, w, b, y, (1, 1), padding, dilation, groups)


def weight_arguments(N, C, H, O, K, tile):  # noqa: E741
    return randn(N, O, H, H), randn(N, C, H, H), out(O, C, K, K), out(O), (K // 2,) * 4


def weight_numpy(dy, x, dw, db, padding):
    weight_gradient_numpy(dy, x, dw, db, (1, 1), padding, (1, 1), 1)


def stride_arguments(*shape):
    x, w, b, y, stride, padding, _, groups = forward_arguments(*shape, *STRIDE)
    return x, w, b, y, stride, padding, groups


def stride_numpy(x, w, b, y, stride, padding, groups):
    forward_numpy(x, w, b, y, stride, padding, (1, 1), groups)


def stride_gradient_arguments(*shape):
    dy, w, dx, stride, padding, _, groups = input_gradient_arguments(*shape, *STRIDE)
    return dy, w, dx, stride, padding, groups


def stride_gradient_numpy(dy, w, dx, stride, padding, groups):
    input_gradient_numpy(dy, w, dx, stride, padding, (1, 1), groups)


BENCHES = (
    [
        Bench(
            kernel,
            SHAPES,
            small=SMALL,
            arguments=arguments,
            numpy=numpy,
            flops=lambda N, C, H, O, K, tile: flops(N, C, H, O, K, 1, K // 2, 1),  # noqa: E741
        )
        for kernel, arguments, numpy in (
            (conv2d_winograd, arguments, numpy),
            (conv2d_winograd_weight, weight_arguments, weight_numpy),
        )
    ]
    + [
        Bench(
            kernel,
            STRIDE_SHAPES,
            small=SMALL[:4],
            arguments=arguments,
            numpy=numpy,
            flops=lambda *shape: flops(*shape, *STRIDE),
        )
        for kernel, arguments, numpy in (
            (conv2d_winograd_stride, stride_arguments, stride_numpy),
            (conv2d_winograd_stride_gradient, stride_gradient_arguments, stride_gradient_numpy),
        )
    ]
)
