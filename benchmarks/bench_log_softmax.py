"""log_softmax: a small classifier, attention, a vocabulary, and classes of pixels."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.log_softmax import log_softmax_backward, log_softmax_forward

# A, K, B: softmax over K
SHAPES = [(64, 10, 1), (4096, 512, 1), (64, 50_000, 1), (8, 21, 128 * 128)]


def forward_numpy(x, y):
    np.subtract(x, x.max(1, keepdims=True), out=y)
    y -= np.log(np.exp(y).sum(1, keepdims=True))


def backward_numpy(dy, y, dx):
    np.subtract(dy, np.exp(y) * dy.sum(1, keepdims=True), out=dx)


BENCHES = [
    Bench(
        log_softmax_forward,
        SHAPES,
        small=(64, 10, 1),
        arguments=lambda *shape: (randn(*shape), out(*shape)),
        numpy=forward_numpy,
        bytes=lambda A, K, B: 8 * A * K * B,
    ),
    Bench(
        log_softmax_backward,
        SHAPES,
        small=(64, 10, 1),
        arguments=lambda *shape: (randn(*shape), -np.abs(randn(*shape)), out(*shape)),
        numpy=backward_numpy,
        bytes=lambda A, K, B: 12 * A * K * B,
    ),
]
