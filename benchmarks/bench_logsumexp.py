"""logsumexp: along long and short rows, and along columns."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.logsumexp import logsumexp_backward, logsumexp_forward

# A, K, B: over K
SHAPES = [(64, 10, 1), (4096, 512, 1), (1, 10_000_000, 1), (8, 21, 128 * 128), (1, 100_000, 10)]


def forward_numpy(x, y):
    largest = x.max(1)
    np.add(np.log(np.exp(x - largest[:, None]).sum(1)), largest, out=y)


def backward_numpy(dy, x, y, dx):
    np.multiply(dy, np.exp(x - y), out=dx)


BENCHES = [
    Bench(
        logsumexp_forward,
        SHAPES,
        small=(64, 10, 1),
        arguments=lambda A, K, B: (randn(A, K, B), out(A, B)),
        numpy=forward_numpy,
        bytes=lambda A, K, B: 4 * A * K * B + 4 * A * B,
    ),
    Bench(
        logsumexp_backward,
        SHAPES,
        small=(64, 10, 1),
        arguments=lambda A, K, B: (randn(A, 1, B), randn(A, K, B), 9 + randn(A, 1, B), out(A, K, B)),
        numpy=backward_numpy,
        bytes=lambda A, K, B: 8 * A * K * B + 8 * A * B,
    ),
]
