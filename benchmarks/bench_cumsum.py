"""cumsum along each dimension, and prod of all elements, of rows and of columns."""

import numpy as np
from bench_mean import SHAPES, SMALL, reduced, size
from run import Bench, out, randn

from pydl.ops.cumsum import cumsum_forward, cumsum_integers, prod_forward


def integers(*shape):
    return np.random.default_rng(0).integers(-100, 100, shape)


BENCHES = [
    Bench(
        cumsum_integers,
        [(1000, 1000, 1), (1, 1000, 1000)],
        small=(10, 10, 1),
        arguments=lambda a, k, b: (integers(a, k, b), False, np.empty((a, k, b), np.int64)),
        numpy=lambda x, product, y: np.cumsum(x, 1, out=y),
        bytes=lambda a, k, b: 16 * a * k * b,
    ),
    Bench(
        cumsum_forward,
        [(1000, 1000, 1), (1, 1000, 1000), (10_000, 10, 1)],
        small=(10, 10, 1),
        arguments=lambda a, k, b: (randn(a, k, b), False, False, out(a, k, b)),
        numpy=lambda x, backwards, product, y: np.cumsum(x, 1, out=y),
        bytes=lambda a, k, b: 8 * a * k * b,
    ),
    Bench(
        prod_forward,
        SHAPES,
        small=SMALL,
        arguments=lambda x, y: (randn(*x), out(*y)),
        numpy=lambda x, y: np.prod(x, reduced(x, y), out=y, keepdims=True),
        bytes=lambda x, y: 4 * (size(x) + size(y)),
    ),
]
