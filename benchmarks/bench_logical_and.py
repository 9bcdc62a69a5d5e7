"""logical_and: of two arrays of truth values, and of an array and a row."""

import math

import numpy as np
from run import Bench, randn

from pydl.ops.logical_and import AND, logical_and_forward

BENCHES = [
    Bench(
        logical_and_forward,
        [((8, 8), (8, 8)), ((2048, 1024), (2048, 1024)), ((2048, 1024), (1024,))],
        small=((20, 50), (50,)),
        arguments=lambda a, b: (randn(*a) > 0, randn(*b) > 0, AND, np.zeros(a, np.bool_)),
        numpy=lambda a, b, form, y: np.logical_and(a, b, out=y),
        bytes=lambda a, b: 2 * math.prod(a) + math.prod(b),
    ),
]
