"""clone: rows as they lie, and the transpose of a matrix."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.clone import clone_forward

BENCHES = [
    Bench(
        clone_forward,
        [(1_000, 1, False), (1_000, 1_000, False), (1_000, 1_000, True)],
        small=(30, 10, True),
        arguments=lambda n, m, turned: (randn(m, n).T if turned else randn(n, m), out(n, m)),
        numpy=lambda x, y: np.copyto(y, x),
        bytes=lambda n, m, turned: 8 * n * m,
    )
]
