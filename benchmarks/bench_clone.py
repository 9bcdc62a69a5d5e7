"""clone: rows as they lie, and the transpose of a matrix; integers as floats and back."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.clone import clone_forward, from_integers, to_integers

BENCHES = [
    Bench(
        clone_forward,
        [(1_000, 1, False), (1_000, 1_000, False), (1_000, 1_000, True)],
        small=(30, 10, True),
        arguments=lambda n, m, turned: (randn(m, n).T if turned else randn(n, m), out(n, m)),
        numpy=lambda x, y: np.copyto(y, x),
        bytes=lambda n, m, turned: 8 * n * m,
    ),
    Bench(
        from_integers,
        [(10_000,), (1_000_000,)],
        small=(1_000,),
        arguments=lambda n: (np.arange(n), out(n)),
        numpy=lambda x, y: np.copyto(y, x, casting="unsafe"),
        bytes=lambda n: 12 * n,
    ),
    Bench(
        to_integers,
        [(10_000,), (1_000_000,)],
        small=(1_000,),
        arguments=lambda n: (randn(n) * 1000, np.empty(n, np.int64)),
        numpy=lambda x, y: np.copyto(y, x, casting="unsafe"),
        bytes=lambda n: 12 * n,
    ),
]
