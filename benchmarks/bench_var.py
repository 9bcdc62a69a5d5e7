"""var: of all elements, of rows, of short rows and of columns; A, K, B."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.var import var_forward


def var_numpy(x, divisor, mean, y):
    np.mean(x, 1, out=mean)
    np.var(x, 1, ddof=1, out=y)


BENCHES = [
    Bench(
        var_forward,
        [(1, 10_000_000, 1), (4096, 1024, 1), (1, 4096, 1024), (64, 100, 30)],
        small=(10, 100, 1),
        arguments=lambda A, K, B: (randn(A, K, B), K - 1.0, out(A, B), out(A, B)),
        numpy=var_numpy,
        bytes=lambda A, K, B: 4 * A * K * B,
    )
]
