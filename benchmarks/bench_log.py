"""log: from one small layer to more than the last cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.log import log_forward

SHAPES = [(1_000,), (100_000,), (10_000_000,)]


def log_numpy(x, y):
    np.log(x, out=y)


BENCHES = [
    Bench(
        log_forward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (abs(randn(n)), out(n)),
        numpy=log_numpy,
        bytes=lambda n: 8 * n,
    ),
]
