"""sigmoid: from one small layer to more than the last cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.sigmoid import sigmoid_backward, sigmoid_forward

SHAPES = [(1_000,), (100_000,), (10_000_000,)]


def sigmoid_numpy(x, y):
    np.divide(1, 1 + np.exp(-x), out=y)


def sigmoid_backward_numpy(dy, y, dx):
    np.multiply(dy * y, 1 - y, out=dx)


BENCHES = [
    Bench(
        sigmoid_forward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), out(n)),
        numpy=sigmoid_numpy,
        bytes=lambda n: 8 * n,
    ),
    Bench(
        sigmoid_backward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), randn(n), out(n)),
        numpy=sigmoid_backward_numpy,
        bytes=lambda n: 12 * n,
    ),
]
