"""where: a mask of bytes and two arrays, and an array with one number."""

import math

import numpy as np
from run import Bench, out, randn

from pydl.ops.where import where_forward

BENCHES = [
    Bench(
        where_forward,
        [((8, 8), (8, 8)), ((2048, 1024), (2048, 1024)), ((2048, 1024), (1,))],
        small=((20, 50), (50,)),
        arguments=lambda a, b: (randn(*a) > 0, randn(*a), randn(*b), out(*a)),
        numpy=lambda condition, a, b, y: np.copyto(y, np.where(condition, a, b)),
        bytes=lambda a, b: 9 * math.prod(a) + 4 * math.prod(b),
    ),
]
