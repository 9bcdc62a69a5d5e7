"""minimum: of two arrays and of an array and one number."""

import math

import numpy as np
from run import Bench, out, randn

from pydl.ops.minimum import minimum_backward, minimum_forward

SHAPES = [((8, 8), (8, 8)), ((4096, 4096), (4096, 4096)), ((2048, 1024), (1,))]
SMALL = ((20, 50), (50,))


def minimum_backward_numpy(dy, a, b, da):
    np.multiply(dy, a < b, out=da)


BENCHES = [
    Bench(
        minimum_forward,
        SHAPES,
        small=SMALL,
        arguments=lambda a, b: (randn(*a), randn(*b), out(*a)),
        numpy=lambda a, b, y: np.minimum(a, b, out=y),
        bytes=lambda a, b: 4 * (2 * math.prod(a) + math.prod(b)),
    ),
    Bench(
        minimum_backward,
        SHAPES,
        small=SMALL,
        arguments=lambda a, b: (randn(*a), randn(*a), randn(*b), out(*a)),
        numpy=minimum_backward_numpy,
        bytes=lambda a, b: 4 * (3 * math.prod(a) + math.prod(b)),
    ),
]
