"""cummax: the largest element up to each one."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.cummax import cummax_forward, cummax_integers

SHAPES = [(1000, 1000, 1), (1, 1000, 1000)]


def numpy_extremes(x, smallest, y, index):
    np.maximum.accumulate(x, 1, out=y)
    places = np.arange(x.shape[1]).reshape(-1, 1)
    np.maximum.accumulate(np.where(x == y, places, 0), 1, out=index)


def integers(*shape):
    return np.random.default_rng(0).integers(-100, 100, shape)


BENCHES = [
    Bench(
        cummax_integers,
        SHAPES,
        small=(10, 100, 1),
        arguments=lambda A, K, B: (integers(A, K, B), False, *(np.empty((A, K, B), np.int64) for _ in range(2))),
        numpy=numpy_extremes,
        bytes=lambda A, K, B: 24 * A * K * B,
    ),
    Bench(
        cummax_forward,
        SHAPES,
        small=(10, 100, 1),
        arguments=lambda A, K, B: (randn(A, K, B), False, out(A, K, B), np.empty((A, K, B), np.int64)),
        numpy=numpy_extremes,
        bytes=lambda A, K, B: 16 * A * K * B,
    ),
]
