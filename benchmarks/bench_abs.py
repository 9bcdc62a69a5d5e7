"""abs: from one small layer to more than the last cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.abs import abs_backward, abs_forward

SHAPES = [(1_000,), (100_000,), (10_000_000,)]


def abs_numpy(x, y):
    np.abs(x, out=y)


def abs_backward_numpy(dy, x, dx):
    np.multiply(dy, np.sign(x), out=dx)


BENCHES = [
    Bench(
        abs_forward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), out(n)),
        numpy=abs_numpy,
        bytes=lambda n: 8 * n,
    ),
    Bench(
        abs_backward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), randn(n), out(n)),
        numpy=abs_backward_numpy,
        bytes=lambda n: 12 * n,
    ),
]
