"""sqrt: from one small layer to more than the last cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.sqrt import sqrt_backward, sqrt_forward

SHAPES = [(1_000,), (100_000,), (10_000_000,)]


def sqrt_numpy(x, y):
    np.sqrt(x, out=y)


def sqrt_backward_numpy(dy, y, dx):
    np.divide(dy, 2 * y, out=dx)


BENCHES = [
    Bench(
        sqrt_forward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (abs(randn(n)), out(n)),
        numpy=sqrt_numpy,
        bytes=lambda n: 8 * n,
    ),
    Bench(
        sqrt_backward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), abs(randn(n)), out(n)),
        numpy=sqrt_backward_numpy,
        bytes=lambda n: 12 * n,
    ),
]
