"""dropout: from one small layer to more than the last cache holds. Drawing the mask is not part of the kernel."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.dropout import dropout_forward


def dropout_numpy(x, mask, y, scale):
    np.multiply(x, mask, out=y)
    np.multiply(y, scale, out=y)


BENCHES = [
    Bench(
        dropout_forward,
        shapes=[(1_000,), (100_000,), (10_000_000,)],
        small=(1_000,),
        arguments=lambda n: (randn(n), np.random.default_rng(0).random(n) >= 0.5, out(n), 2.0),
        numpy=dropout_numpy,
        bytes=lambda n: 9 * n,
    ),
]
