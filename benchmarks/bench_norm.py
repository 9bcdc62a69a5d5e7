"""norm: of all of a matrix, of its rows, of many short rows."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.norm import row_norms

BENCHES = [
    Bench(
        row_norms,
        [(1, 1_000_000), (256, 1000), (10_000, 64)],
        small=(10, 100),
        arguments=lambda A, K: (randn(A, K), out(A)),
        numpy=lambda x, y: np.sqrt(np.einsum("ak,ak->a", x, x), out=y),
        bytes=lambda A, K: 4 * A * (K + 1),
    ),
]
