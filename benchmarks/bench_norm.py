"""norm: of all of a matrix, of its rows and columns, of many short rows."""

import numpy as np
from bench_mean import reduced, size
from run import Bench, out, randn

from pydl.ops.norm import norm_forward

BENCHES = [
    Bench(
        norm_forward,
        [((1, 1_000_000), (1, 1)), ((256, 1000), (256, 1)), ((3000, 3000), (1, 3000)), ((100_000, 10), (100_000, 1))],
        small=((10, 100), (10, 1)),
        arguments=lambda x, y: (randn(*x), out(*y)),
        numpy=lambda x, y: np.sqrt(np.square(x).sum(reduced(x, y), keepdims=True), out=y),
        bytes=lambda x, y: 4 * (size(x) + size(y)),
    ),
]
