"""neg: from one small layer to more than the last cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.neg import neg_forward

BENCHES = [
    Bench(
        neg_forward,
        [(1_000,), (100_000,), (10_000_000,)],
        small=(1_000,),
        arguments=lambda n: (randn(n), out(n)),
        numpy=lambda x, y: np.negative(x, out=y),
        bytes=lambda n: 8 * n,
    ),
]
