"""exp: from one small layer to more than the last cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.exp import exp_forward

SHAPES = [(1_000,), (100_000,), (10_000_000,)]


def exp_numpy(x, y):
    np.exp(x, out=y)


BENCHES = [
    Bench(
        exp_forward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), out(n)),
        numpy=exp_numpy,
        bytes=lambda n: 8 * n,
    ),
]
