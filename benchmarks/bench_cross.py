"""cross: rows of three numbers."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.cross import cross_forward


def cross_numpy(a, b, y):
    y[...] = np.cross(a, b)


BENCHES = [
    Bench(
        cross_forward,
        [(1_000,), (100_000,), (1_000_000,)],
        small=(300,),
        arguments=lambda n: (randn(n, 3), randn(n, 3), out(n, 3)),
        numpy=cross_numpy,
        bytes=lambda n: 36 * n,
    )
]
