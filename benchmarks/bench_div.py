"""div: the quotient of two arrays, of an array and one row, and of an array and one column."""

import math

import numpy as np
from run import Bench, out, randn

from pydl.ops.div import div_backward_other, div_forward

SHAPES = [((8, 8), (8, 8)), ((4096, 4096), (4096, 4096)), ((2048, 1024), (1024,)), ((2048, 1024), (2048, 1))]
SMALL = ((20, 50), (50,))

BENCHES = [
    Bench(
        div_forward,
        SHAPES,
        small=SMALL,
        arguments=lambda a, b: (randn(*a), randn(*b), out(*a)),
        numpy=lambda a, b, y: np.divide(a, b, out=y),
        bytes=lambda a, b: 4 * (2 * math.prod(a) + math.prod(b)),
    ),
    Bench(
        div_backward_other,
        SHAPES,
        small=SMALL,
        arguments=lambda a, b: (randn(*a), randn(*a), randn(*b), out(*a)),
        numpy=lambda dy, a, b, db: np.multiply(-dy, a / b / b, out=db),
        bytes=lambda a, b: 4 * (3 * math.prod(a) + math.prod(b)),
    ),
]
