"""sub: the difference of two arrays, of an array and one row, and of an array and one column."""

import math

import numpy as np
from run import Bench, out, randn

from pydl.ops.sub import sub_forward

SHAPES = [((8, 8), (8, 8)), ((4096, 4096), (4096, 4096)), ((2048, 1024), (1024,)), ((2048, 1024), (2048, 1))]
SMALL = ((20, 50), (50,))

BENCHES = [
    Bench(
        sub_forward,
        SHAPES,
        small=SMALL,
        arguments=lambda a, b: (randn(*a), randn(*b), out(*a)),
        numpy=lambda a, b, y: np.subtract(a, b, out=y),
        bytes=lambda a, b: 4 * (2 * math.prod(a) + math.prod(b)),
    ),
]
