"""conv2d_channels_last: layers of common networks, as they are replayed. flops are the direct sum's for both."""

from bench_conv2d import flops, forward_numpy
from run import Bench, out, randn

from pydl.ops.conv2d_channels_last import (
    channels_last,
    conv2d_channels_last,
    conv2d_channels_last_winograd,
    pack_filters,
    transform_filters,
)

# N, C, H (with the padding), O, U (filter size), stride
SHAPES = [
    (1, 16, 34, 16, 3, 1),
    (1, 64, 10, 64, 3, 1),
    (64, 32, 18, 32, 3, 1),
    (8, 64, 58, 64, 3, 1),
    (8, 512, 9, 512, 3, 1),
    (64, 16, 34, 32, 3, 2),
    (64, 20, 12, 40, 5, 1),
    (8, 256, 28, 64, 1, 1),
    (4, 3, 230, 64, 7, 2),
]
SMALL = (1, 2, 8, 2, 3, 1)


def operands(N, C, H, O, U, stride):  # noqa: E741
    I = (H - U) // stride + 1  # noqa: E741
    return channels_last(randn(N, C, H, H)), randn(O, C, U, U), randn(O), channels_last(out(N, O, I, I))


def arguments(*shape):
    x, w, b, y = operands(*shape)
    return x, pack_filters(w), b, None, y, (shape[5],) * 2, (1, 1), True


def winograd_arguments(*shape):
    x, w, b, y = operands(*shape)
    return x, transform_filters(w), pack_filters(w), b, None, y, True


def unpacked(w, O):  # noqa: E741
    P, U, V, C, L = w.shape
    return w.transpose(0, 4, 3, 1, 2).reshape(P * L, C, U, V)[:O]


def numpy(x, w, b, add, y, stride, dilation, relu):
    forward_numpy(x, unpacked(w, len(b)), b, y, stride, (0, 0, 0, 0), dilation, 1)
    y[y <= 0] = 0


def winograd_numpy(x, u, w, b, add, y, relu):
    numpy(x, w, b, add, y, (1, 1), (1, 1), relu)


def work(N, C, H, O, U, stride):  # noqa: E741
    return flops(N, C, H, O, U, stride, 0, 1)


BENCHES = [
    Bench(conv2d_channels_last, SHAPES, small=SMALL, arguments=arguments, numpy=numpy, flops=work),
    Bench(
        conv2d_channels_last_winograd,
        [shape for shape in SHAPES if shape[4:] == (3, 1)],
        small=SMALL,
        arguments=winograd_arguments,
        numpy=winograd_numpy,
        flops=work,
    ),
]
