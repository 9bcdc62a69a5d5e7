"""silu: from one small layer to more than the last cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.silu import silu_backward, silu_forward

SHAPES = [(1_000,), (100_000,), (10_000_000,)]


def silu_numpy(x, y):
    np.divide(x, 1 + np.exp(-x), out=y)


def silu_backward_numpy(dy, x, dx):
    s = 1 / (1 + np.exp(-x))
    np.multiply(dy, s * (1 + x * (1 - s)), out=dx)


BENCHES = [
    Bench(
        silu_forward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), out(n)),
        numpy=silu_numpy,
        bytes=lambda n: 8 * n,
    ),
    Bench(
        silu_backward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), randn(n), out(n)),
        numpy=silu_backward_numpy,
        bytes=lambda n: 12 * n,
    ),
]
