"""remainder: rests of divisions, and their whole numbers."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.remainder import FLOOR_DIVIDE, FMOD, REMAINDER, remainder_forward, remainder_integers

SHAPES = [(1_000_000, FMOD), (1_000_000, REMAINDER), (1_000_000, FLOOR_DIVIDE)]
FORMS = np.fmod, np.remainder, np.floor_divide


def integers(n):
    return np.random.default_rng(0).integers(1, 1000, n)


BENCHES = [
    Bench(
        remainder_integers,
        SHAPES,
        small=(1_000, REMAINDER),
        arguments=lambda n, form: (integers(n), integers(n)[::-1].copy(), form, np.empty(n, np.int64)),
        numpy=lambda a, b, form, y: FORMS[form](a, b, out=y),
        bytes=lambda n, form: 24 * n,
    ),
    Bench(
        remainder_forward,
        SHAPES,
        small=(1_000, REMAINDER),
        arguments=lambda n, form: (randn(n), randn(n), form, out(n)),
        numpy=lambda a, b, form, y: FORMS[form](a, b, out=y),
        bytes=lambda n, form: 12 * n,
    ),
]
