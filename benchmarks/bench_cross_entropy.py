"""cross_entropy: a small classifier, image labels, a vocabulary, classes of pixels."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.cross_entropy import (
    cross_entropy_backward,
    cross_entropy_forward,
    cross_entropy_probabilities_backward,
    cross_entropy_probabilities_forward,
)

# N, C, D
SHAPES = [(64, 10, 1), (256, 1000, 1), (64, 50_000, 1), (8, 21, 128 * 128)]


def classes(N, C, D):
    return np.random.default_rng(0).integers(0, C, (N, D))


def one(value=1.0):
    return np.full(1, value, np.float32)


def statistics(x):
    largest = x.max(1)
    return largest.reshape(-1), np.log(np.exp(x - largest[:, None]).sum(1)).reshape(-1)


def forward_arguments(N, C, D):
    lines = N * D
    return randn(N, C, D), classes(N, C, D), None, out(1), out(lines), out(lines), out(1), -100, 0.0, 1


def backward_arguments(N, C, D):
    x = randn(N, C, D)
    return one(), x, classes(N, C, D), None, *statistics(x), one(N * D), out(N, C, D), -100, 0.0


def probabilities_forward_arguments(N, C, D):
    lines = N * D
    return randn(N, C, D), np.abs(randn(N, C, D)), None, out(1), out(lines), out(lines), 0.0, 1


def probabilities_backward_arguments(N, C, D):
    x = randn(N, C, D)
    return one(), x, np.abs(randn(N, C, D)), None, *statistics(x), out(N, C, D), None, 0.0, True


def log_softmax(x):
    shifted = x - x.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def forward_numpy(x, target, weight, y, largest, log_sum, norm, *rest):
    largest[...], log_sum[...] = statistics(x)
    norm[0] = target.size
    right = np.take_along_axis(x, target[:, None], 1).reshape(-1)
    y[0] = (largest + log_sum - right).mean()


def backward_numpy(dy, x, target, weight, largest, log_sum, norm, dx, *rest):
    np.exp(log_softmax(x), out=dx)
    share = np.take_along_axis(dx, target[:, None], 1) - 1
    np.put_along_axis(dx, target[:, None], share, 1)
    dx *= dy[0] / norm[0]


def probabilities_forward_numpy(x, target, weight, y, largest, log_sum, *rest):
    largest[...], log_sum[...] = statistics(x)
    y[0] = -(log_softmax(x) * target).sum(1).mean()


def probabilities_backward_numpy(dy, x, target, weight, largest, log_sum, dx, *rest):
    np.multiply(np.exp(log_softmax(x)), target.sum(1, keepdims=True), out=dx)
    dx -= target
    dx *= dy[0] / len(largest)


BENCHES = [
    Bench(
        cross_entropy_forward,
        SHAPES,
        small=(64, 10, 1),
        arguments=forward_arguments,
        numpy=forward_numpy,
        bytes=lambda N, C, D: 4 * N * C * D,
    ),
    Bench(
        cross_entropy_backward,
        SHAPES,
        small=(64, 10, 1),
        arguments=backward_arguments,
        numpy=backward_numpy,
        bytes=lambda N, C, D: 8 * N * C * D,
    ),
    Bench(
        cross_entropy_probabilities_forward,
        SHAPES,
        small=(64, 10, 1),
        arguments=probabilities_forward_arguments,
        numpy=probabilities_forward_numpy,
        bytes=lambda N, C, D: 8 * N * C * D,
    ),
    Bench(
        cross_entropy_probabilities_backward,
        SHAPES,
        small=(64, 10, 1),
        arguments=probabilities_backward_arguments,
        numpy=probabilities_backward_numpy,
        bytes=lambda N, C, D: 12 * N * C * D,
    ),
]
