"""remainder: rests of divisions, and their whole numbers."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.remainder import FLOOR_DIVIDE, FMOD, REMAINDER, remainder_forward

SHAPES = [(1_000_000, FMOD), (1_000_000, REMAINDER), (1_000_000, FLOOR_DIVIDE)]
FORMS = np.fmod, np.remainder, np.floor_divide

BENCHES = [
    Bench(
        remainder_forward,
        SHAPES,
        small=(1_000, REMAINDER),
        arguments=lambda n, form: (randn(n), randn(n), form, out(n)),
        numpy=lambda a, b, form, y: FORMS[form](a, b, out=y),
        bytes=lambda n, form: 12 * n,
    )
]
