"""elu: from one small layer to more than the last cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.elu import elu_backward, elu_forward

SHAPES = [(1_000,), (100_000,), (10_000_000,)]


def elu_numpy(x, alpha, scale, slope, y):
    np.copyto(y, np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))))


def elu_backward_numpy(dy, x, alpha, scale, slope, dx):
    np.multiply(dy, np.where(x > 0, 1, alpha * np.exp(np.minimum(x, 0))), out=dx)


BENCHES = [
    Bench(
        elu_forward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), 1.0, 1.0, 1.0, out(n)),
        numpy=elu_numpy,
        bytes=lambda n: 8 * n,
    ),
    Bench(
        elu_backward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), randn(n), 1.0, 1.0, 1.0, out(n)),
        numpy=elu_backward_numpy,
        bytes=lambda n: 12 * n,
    ),
]
