"""sum_to: everything to one number, the gradient of a bias, of a column and of a channel's scale."""

import math

import numpy as np
from run import Bench, out, randn

from pydl.ops.sum_to import sum_to_forward

SHAPES = [
    ((10_000_000,), (1,)),
    ((2048, 1024), (1, 1024)),
    ((2048, 1024), (2048, 1)),
    ((64, 32, 28, 28), (1, 32, 1, 1)),
]


def sum_to_numpy(x, y):
    np.sum(x, axis=tuple(d for d, size in enumerate(y.shape) if size == 1), keepdims=True, out=y)


BENCHES = [
    Bench(
        sum_to_forward,
        SHAPES,
        small=((20, 50), (1, 50)),
        arguments=lambda x, y: (randn(*x), out(*y)),
        numpy=sum_to_numpy,
        bytes=lambda x, y: 4 * (math.prod(x) + math.prod(y)),
    ),
]
