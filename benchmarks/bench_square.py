"""square: from one small layer to more than the last cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.square import square_backward, square_forward

SHAPES = [(1_000,), (100_000,), (10_000_000,)]


def square_numpy(x, y):
    np.square(x, out=y)


def square_backward_numpy(dy, x, dx):
    np.multiply(2 * x, dy, out=dx)


BENCHES = [
    Bench(
        square_forward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), out(n)),
        numpy=square_numpy,
        bytes=lambda n: 8 * n,
    ),
    Bench(
        square_backward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), randn(n), out(n)),
        numpy=square_backward_numpy,
        bytes=lambda n: 12 * n,
    ),
]
