"""batch_norm: layers of ResNet-18 and of a small network, after a convolution (N, C, S) and after a linear layer."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.batch_norm import batch_norm_again, batch_norm_backward, batch_norm_forward, batch_norm_inference

SHAPES = [(64, 16, 32 * 32), (8, 64, 56 * 56), (8, 512, 7 * 7), (64, 256, 1), (64, 64, 112 * 112)]

NOTHING_ELSE = None, float("nan"), float("nan")  # no residual connection and no activation with it


def column(array):
    return array[:, None]


def forward_numpy(x, weight, bias, running_mean, running_var, momentum, eps, add, low, high, y, mean, rstd, affine):
    mean[...] = x.mean((0, 2))
    var = x.var((0, 2))
    rstd[...] = 1 / np.sqrt(var + eps)
    np.subtract(x, column(mean), out=y)
    y *= column(rstd * weight)
    y += column(bias)
    running_mean += momentum * (mean - running_mean)
    running_var += momentum * (var * (x[:, 0].size / (x[:, 0].size - 1)) - running_var)


def again_numpy(x, affine, low, high, y):
    np.subtract(x, column(affine[0]), out=y)
    y *= column(affine[1])
    y += column(affine[2])
    np.maximum(y, low, out=y)


def inference_numpy(x, mean, var, weight, bias, eps, y, rstd):
    rstd[...] = 1 / np.sqrt(var + eps)
    np.subtract(x, column(mean), out=y)
    y *= column(rstd * weight)
    y += column(bias)


def backward_numpy(dy, dy2, y, low, high, x, weight, mean, rstd, training, dadd, dx, dweight, dbias):
    xhat = (x - column(mean)) * column(rstd)
    dbias[...] = dy.sum((0, 2))
    dweight[...] = (dy * xhat).sum((0, 2))
    count = x[:, 0].size
    np.multiply(dy - column(dbias / count) - xhat * column(dweight / count), column(weight * rstd), out=dx)


def of_channels(C, count):
    return [np.abs(randn(C)) + 1 for _ in range(count)]


BENCHES = [
    Bench(
        batch_norm_forward,
        SHAPES,
        small=(4, 4, 25),
        arguments=lambda N, C, S: (
            randn(N, C, S), *of_channels(C, 4), 0.1, 1e-5, *NOTHING_ELSE, out(N, C, S), out(C), out(C), None,
        ),
        numpy=forward_numpy,
        bytes=lambda N, C, S: 8 * N * C * S,
    ),
    Bench(
        batch_norm_again,
        SHAPES,
        small=(4, 4, 25),
        arguments=lambda N, C, S: (randn(N, C, S), randn(3, C), 0.0, float("nan"), out(N, C, S)),
        numpy=again_numpy,
        bytes=lambda N, C, S: 8 * N * C * S,
    ),
    Bench(
        batch_norm_inference,
        SHAPES,
        small=(4, 4, 25),
        arguments=lambda N, C, S: (randn(N, C, S), *of_channels(C, 4), 1e-5, out(N, C, S), out(C)),
        numpy=inference_numpy,
        bytes=lambda N, C, S: 8 * N * C * S,
    ),
    Bench(
        batch_norm_backward,
        SHAPES,
        small=(4, 4, 25),
        arguments=lambda N, C, S: (
            randn(N, C, S), None, *NOTHING_ELSE, randn(N, C, S), *of_channels(C, 3), True,
            None, out(N, C, S), out(C), out(C),
        ),
        numpy=backward_numpy,
        bytes=lambda N, C, S: 12 * N * C * S,
    ),
]  # fmt: skip
