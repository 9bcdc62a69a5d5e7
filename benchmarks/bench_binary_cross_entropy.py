"""binary_cross_entropy: a small batch, a large one, and more than the last cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.binary_cross_entropy import binary_cross_entropy_backward, binary_cross_entropy_forward

SHAPES = [(64,), (100_000,), (10_000_000,)]


def one():
    return np.ones(1, np.float32)


def probabilities(n):
    return np.abs(np.tanh(randn(n)))


def forward_numpy(x, target, weight, y, reduction):
    y[0] = -np.mean(target * np.log(x) + (1 - target) * np.log1p(-x))


def backward_numpy(dy, x, target, weight, dx, *rest):
    np.multiply((x - target) / (x * (1 - x)), dy[0] / len(x), out=dx)


BENCHES = [
    Bench(
        binary_cross_entropy_forward,
        SHAPES,
        small=(64,),
        arguments=lambda n: (0.001 + 0.99 * probabilities(n), probabilities(n), None, out(1), 1),
        numpy=forward_numpy,
        bytes=lambda n: 8 * n,
    ),
    Bench(
        binary_cross_entropy_backward,
        SHAPES,
        small=(64,),
        arguments=lambda n: (one(), 0.001 + 0.99 * probabilities(n), probabilities(n), None, out(n), None, True),
        numpy=backward_numpy,
        bytes=lambda n: 12 * n,
    ),
]
