"""sum: all elements, along rows, along columns (the gradient of a bias), over all but the channels."""

import numpy as np
from bench_mean import SHAPES, SMALL, reduced, size
from run import Bench, out, randn

from pydl.ops.sum import sum_forward, sum_integers


def integers(shape):
    return np.random.default_rng(0).integers(-100, 100, shape)


BENCHES = [
    Bench(
        sum_integers,
        SHAPES,
        small=SMALL,
        arguments=lambda x, y: (integers(x), np.empty(y, np.int64)),
        numpy=lambda x, y: np.sum(x, reduced(x, y), out=y, keepdims=True),
        bytes=lambda x, y: 8 * (size(x) + size(y)),
    ),
    Bench(
        sum_forward,
        SHAPES,
        small=SMALL,
        arguments=lambda x, y: (randn(*x), out(*y)),
        numpy=lambda x, y: np.sum(x, reduced(x, y), out=y, keepdims=True),
        bytes=lambda x, y: 4 * (size(x) + size(y)),
    ),
]
