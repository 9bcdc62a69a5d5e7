"""relu: from one small layer to more than the last cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.relu import relu_backward, relu_forward

SHAPES = [(1_000,), (100_000,), (10_000_000,)]


def relu_backward_numpy(dy, y, dx):
    np.multiply(dy, y > 0, out=dx)


BENCHES = [
    Bench(
        relu_forward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), out(n)),
        numpy=lambda x, y: np.maximum(x, 0, out=y),
        bytes=lambda n: 8 * n,
    ),
    Bench(
        relu_backward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), randn(n), out(n)),
        numpy=relu_backward_numpy,
        bytes=lambda n: 12 * n,
    ),
]
