"""embedding: characters, words of a small model, and a large vocabulary; V, D, M."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.embedding import embedding_backward
from pydl.ops.gather import gather_forward

SHAPES = [(100, 32, 2_000), (10_000, 128, 4_096), (32_000, 512, 8_192), (1_000_000, 16, 8_192)]


def words(V, M):
    """As uneven as in text: the k-th word occurs about 1 / k times as often as the first."""
    return np.minimum(np.random.default_rng(0).zipf(1.2, M), V) - 1


def forward_numpy(weight, index, y):
    np.take(weight[0], index[0, :, 0], axis=0, out=y[0])


def backward_numpy(dy, index, padding_idx, dweight):
    dweight[...] = 0
    used = index != padding_idx
    np.add.at(dweight, index[used], dy[used])


BENCHES = [
    Bench(
        gather_forward,
        SHAPES,
        small=(50, 10, 40),
        arguments=lambda V, D, M: (randn(1, V, D), np.broadcast_to(words(V, M)[:, None], (1, M, D)), out(1, M, D)),
        numpy=forward_numpy,
        bytes=lambda V, D, M: 8 * M * D,
    ),
    Bench(
        embedding_backward,
        SHAPES,
        small=(50, 10, 40),
        arguments=lambda V, D, M: (randn(M, D), words(V, M), -1, out(V, D)),
        numpy=backward_numpy,
        bytes=lambda V, D, M: 4 * M * D + 4 * V * D,
    ),
]
