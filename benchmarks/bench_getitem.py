"""The gradient of picking rows, x[index]: the words of a batch out of a vocabulary, and single numbers."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.getitem import getitem_backward

# Picked rows, their length, rows there are.
SHAPES = [(1024, 256, 10_000), (32, 64, 100), (100_000, 1, 1_000)]


def arguments(m, d, n):
    return randn(m, d), np.random.default_rng(0).integers(0, n, m), out(n, d)


BENCHES = [
    Bench(
        getitem_backward,
        SHAPES,
        small=(32, 16, 100),
        arguments=arguments,
        numpy=lambda dy, index, dx: np.add.at(dx, index, dy),
        bytes=lambda m, d, n: 12 * m * d + 8 * m,
    ),
]
