"""leaky_relu: from one small layer to more than the last cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.leaky_relu import leaky_relu_backward, leaky_relu_forward

SHAPES = [(1_000,), (100_000,), (10_000_000,)]


def leaky_relu_numpy(x, negative_slope, y):
    np.copyto(y, np.where(x > 0, x, negative_slope * x))


def leaky_relu_backward_numpy(dy, x, negative_slope, dx):
    np.multiply(dy, np.where(x > 0, np.float32(1), np.float32(negative_slope)), out=dx)


BENCHES = [
    Bench(
        leaky_relu_forward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), 0.01, out(n)),
        numpy=leaky_relu_numpy,
        bytes=lambda n: 8 * n,
    ),
    Bench(
        leaky_relu_backward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), randn(n), 0.01, out(n)),
        numpy=leaky_relu_backward_numpy,
        bytes=lambda n: 12 * n,
    ),
]
