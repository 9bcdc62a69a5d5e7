"""tanh: from one small layer to more than the last cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.tanh import tanh_backward, tanh_forward

SHAPES = [(1_000,), (100_000,), (10_000_000,)]


def tanh_numpy(x, y):
    np.tanh(x, out=y)


def tanh_backward_numpy(dy, y, dx):
    np.multiply(dy, 1 - y * y, out=dx)


BENCHES = [
    Bench(
        tanh_forward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), out(n)),
        numpy=tanh_numpy,
        bytes=lambda n: 8 * n,
    ),
    Bench(
        tanh_backward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), randn(n), out(n)),
        numpy=tanh_backward_numpy,
        bytes=lambda n: 12 * n,
    ),
]
