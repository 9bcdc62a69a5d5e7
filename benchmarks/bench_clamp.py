"""clamp: from one small layer to more than the last cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.clamp import clamp_backward, clamp_forward

SHAPES = [(1_000,), (100_000,), (10_000_000,)]


def clamp_backward_numpy(dy, x, low, high, dx):
    np.multiply(dy, (x >= low) & (x <= high), out=dx)


BENCHES = [
    Bench(
        clamp_forward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), -1.0, 1.0, out(n)),
        numpy=lambda x, low, high, y: np.clip(x, low, high, out=y),
        bytes=lambda n: 8 * n,
    ),
    Bench(
        clamp_backward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), randn(n), -1.0, 1.0, out(n)),
        numpy=clamp_backward_numpy,
        bytes=lambda n: 12 * n,
    ),
]
