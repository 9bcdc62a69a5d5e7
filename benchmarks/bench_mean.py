"""mean: all elements, along rows, along columns (the gradient of a bias), over all but the channels."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.mean import mean_backward, mean_forward

# The shape of x and that of y.
SHAPES = [
    ((10_000_000,), (1,)),
    ((4096, 1024), (4096, 1)),
    ((4096, 1024), (1, 1024)),
    ((128, 10), (1, 10)),
    ((64, 32, 24, 24), (1, 32, 1, 1)),
]
SMALL = ((32, 10), (1, 10))


def reduced(x, y):
    return tuple(d for d in range(x.ndim) if x.shape[d] != y.shape[d])


def size(shape):
    return int(np.prod(shape))


BENCHES = [
    Bench(
        mean_forward,
        SHAPES,
        small=SMALL,
        arguments=lambda x, y: (randn(*x), out(*y)),
        numpy=lambda x, y: np.mean(x, reduced(x, y), out=y, keepdims=True),
        bytes=lambda x, y: 4 * (size(x) + size(y)),
    ),
    Bench(
        mean_backward,
        [(1_000,), (1_000_000,)],
        small=(1_000,),
        arguments=lambda n: (randn(n), 7, out(n)),
        numpy=lambda dy, count, dx: np.divide(dy, count, out=dx),
        bytes=lambda n: 8 * n,
    ),
]
