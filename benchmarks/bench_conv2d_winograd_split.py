"""conv2d_winograd_split: layers with a stride or large filters. flops are the direct sum's, so that rates compare with
conv2d's.
"""

from bench_conv2d import flops, forward_arguments
from bench_conv2d_winograd_stride import (
    forward,
    gradient,
    gradient_arguments,
    weight,
    weight_arguments,
    without_dilation,
)
from run import Bench

from pydl.ops.conv2d_winograd_split import (
    conv2d_winograd_split,
    conv2d_winograd_split_gradient,
    conv2d_winograd_split_weight,
)

# N, C, H, O, filter size, stride, padding, groups
SHAPES = [(8, 3, 224, 64, 11, 4, 2, 1), (8, 48, 56, 64, 5, 2, 2, 1)]
LARGE = [(4, 64, 56, 64, 7, 1, 3, 1), (8, 3, 56, 64, 9, 1, 4, 1)]
FIRST = [(8, 3, 224, 64, 7, 2, 3, 1)]
SMALL = (1, 2, 12, 2, 5, 2, 2, 1)

BENCHES = [
    Bench(kernel, shapes, small=SMALL, arguments=arguments, numpy=numpy, flops=flops)
    for kernel, shapes, arguments, numpy in (
        (conv2d_winograd_split, SHAPES + LARGE, without_dilation(forward_arguments), forward),
        (conv2d_winograd_split_gradient, SHAPES + FIRST, gradient_arguments, gradient),
        (conv2d_winograd_split_weight, SHAPES + LARGE + FIRST, weight_arguments, weight),
    )
]
