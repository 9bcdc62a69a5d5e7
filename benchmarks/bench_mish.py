"""mish: from one small layer to more than the last cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.mish import mish_backward, mish_forward

SHAPES = [(1_000,), (100_000,), (10_000_000,)]


def mish_numpy(x, y):
    np.copyto(y, x * np.tanh(np.log1p(np.exp(x))))


def mish_backward_numpy(dy, x, dx):
    gate = np.tanh(np.log1p(np.exp(x)))
    np.copyto(dx, dy * (gate + x / (1 + np.exp(-x)) * (1 - gate**2)))


BENCHES = [
    Bench(
        mish_forward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), out(n)),
        numpy=mish_numpy,
        bytes=lambda n: 8 * n,
    ),
    Bench(
        mish_backward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), randn(n), out(n)),
        numpy=mish_backward_numpy,
        bytes=lambda n: 12 * n,
    ),
]
