"""binary_cross_entropy_with_logits: a small batch, a large one, and more than the last cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.binary_cross_entropy_with_logits import (
    binary_cross_entropy_with_logits_backward,
    binary_cross_entropy_with_logits_forward,
)

SHAPES = [(64,), (100_000,), (10_000_000,)]


def one():
    return np.ones(1, np.float32)


def probabilities(n):
    return np.abs(np.tanh(randn(n)))


def forward_numpy(x, target, weight, pos_weight, y, reduction):
    y[0] = np.mean((1 - target) * x + np.log1p(np.exp(-np.abs(x))) + np.maximum(-x, 0))


def backward_numpy(dy, x, target, weight, pos_weight, dx, *rest):
    np.multiply(1 / (1 + np.exp(-x)) - target, dy[0] / len(x), out=dx)


BENCHES = [
    Bench(
        binary_cross_entropy_with_logits_forward,
        SHAPES,
        small=(64,),
        arguments=lambda n: (randn(n), probabilities(n), None, None, out(1), 1),
        numpy=forward_numpy,
        bytes=lambda n: 8 * n,
    ),
    Bench(
        binary_cross_entropy_with_logits_backward,
        SHAPES,
        small=(64,),
        arguments=lambda n: (one(), randn(n), probabilities(n), None, None, out(n), None, True),
        numpy=backward_numpy,
        bytes=lambda n: 12 * n,
    ),
]
