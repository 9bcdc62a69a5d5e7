"""conv2d_winograd: 3x3 and 5x5 layers of common networks. flops are the direct sum's,
so that rates compare with conv2d's.
"""

from bench_conv2d import (
    flops,
    forward_numpy,
    weight_gradient_numpy,
)
from run import Bench, out, randn

from pydl.ops.conv2d_winograd import (
    conv2d_winograd,
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


def arguments(N, C, H, O, K, tile):  # noqa: E741
    return randn(N, C, H, H), randn(O, C, K, K), randn(O), out(N, O, H, H), (K // 2,) * 4, (1, 1), 1, tile


def numpy(x, w, b, y, padding, dilation, groups, tile):
    forward_numpy(x, w, b, y, (1, 1), padding, dilation, groups)


def weight_arguments(N, C, H, O, K, tile):  # noqa: E741
    return randn(N, O, H, H), randn(N, C, H, H), out(O, C, K, K), out(O), (K // 2,) * 4, (1, 1)


def weight_numpy(dy, x, dw, db, padding, dilation):
    weight_gradient_numpy(dy, x, dw, db, (1, 1), padding, dilation, 1)


BENCHES = [
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
