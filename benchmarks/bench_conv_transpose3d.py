"""conv_transpose3d: what decoders enlarge with: filters of 4 and 2 with stride 2, and stride 1."""

from bench_conv_transpose2d import arguments, flops, numpy
from run import Bench

from pydl.ops.conv_transpose3d import conv_transpose3d_forward

# N, C, sizes of x, O, U (filter size), stride, padding
SHAPES = [(2, 64, (4, 14, 14), 32, 4, 2, 1), (2, 128, (4, 14, 14), 64, 2, 2, 0), (2, 32, (8, 14, 14), 32, 3, 1, 1)]


BENCHES = [
    Bench(
        conv_transpose3d_forward,
        SHAPES,
        small=(1, 2, (2, 2, 2), 2, 2, 2, 0),
        arguments=arguments,
        numpy=numpy,
        flops=flops,
    ),
]
