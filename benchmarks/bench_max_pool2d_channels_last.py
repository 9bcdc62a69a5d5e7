"""max_pool2d_channels_last: max_pool2d's shapes."""

from bench_max_pool2d import SHAPES, bytes_moved, forward_numpy, geometry, sizes
from run import Bench, out, randn

from pydl.ops.conv2d_channels_last import channels_last
from pydl.ops.max_pool2d_channels_last import max_pool2d_channels_last


def arguments(N, C, H, W, kernel, stride, padding):
    shape = sizes(N, C, H, W, kernel, stride, padding)
    return channels_last(randn(N, C, H, W)), channels_last(out(*shape)), *geometry(kernel, stride, padding)


def numpy(x, y, *settings):
    forward_numpy(x, y, out(*y.shape), None, *settings)


BENCHES = [
    Bench(
        max_pool2d_channels_last,
        SHAPES,
        small=(1, 2, 12, 12, 2, 2, 0),
        arguments=arguments,
        numpy=numpy,
        bytes=bytes_moved,
    )
]
