"""gelu: from one small layer to more than the last cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.gelu import gelu_backward, gelu_forward

SHAPES = [(1_000,), (100_000,), (10_000_000,)]


def gelu_numpy(x, tanh, y):
    np.multiply(0.5 * x, 1 + np.tanh(0.7978846 * (x + 0.044715 * x**3)), out=y)


def gelu_backward_numpy(dy, x, tanh, dx):
    t = np.tanh(0.7978846 * (x + 0.044715 * x**3))
    np.multiply(dy, 0.5 * (1 + t + x * (1 - t * t) * 0.7978846 * (1 + 0.134145 * x * x)), out=dx)


BENCHES = [
    Bench(
        gelu_forward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), True, out(n)),
        numpy=gelu_numpy,
        bytes=lambda n: 8 * n,
    ),
    Bench(
        gelu_backward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), randn(n), True, out(n)),
        numpy=gelu_backward_numpy,
        bytes=lambda n: 12 * n,
    ),
]
