"""cdist: the distances of all pairs of rows."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.cdist import cdist_forward

SHAPES = [(1, 2000, 2000, 3), (1, 2000, 2000, 16), (8, 200, 300, 256)]

BENCHES = [
    Bench(
        cdist_forward,
        SHAPES,
        small=(1, 30, 40, 3),
        arguments=lambda N, P, R, M: (randn(N, P, M), randn(N, R, M), out(N, P, R)),
        numpy=lambda a, b, y: np.sqrt(np.square(a[:, :, None] - b[:, None]).sum(-1), out=y),
        flops=lambda N, P, R, M: 3 * N * P * R * M,
    )
]
