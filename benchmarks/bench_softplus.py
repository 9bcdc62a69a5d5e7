"""softplus: from one small layer to more than the last cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.softplus import softplus_backward, softplus_forward

SHAPES = [(1_000,), (100_000,), (10_000_000,)]


def softplus_numpy(x, beta, threshold, y):
    np.copyto(y, np.logaddexp(0, x))


def softplus_backward_numpy(dy, x, beta, threshold, dx):
    np.divide(dy, 1 + np.exp(-x), out=dx)


BENCHES = [
    Bench(
        softplus_forward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), 1.0, 20.0, out(n)),
        numpy=softplus_numpy,
        bytes=lambda n: 8 * n,
    ),
    Bench(
        softplus_backward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), randn(n), 1.0, 20.0, out(n)),
        numpy=softplus_backward_numpy,
        bytes=lambda n: 12 * n,
    ),
]
