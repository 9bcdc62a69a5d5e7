"""eq: of two arrays and of an array and one number."""

import math

import numpy as np
from run import Bench, randn

from pydl.ops.eq import EQUAL, LESS, eq_forward

BENCHES = [
    Bench(
        eq_forward,
        [((8, 8), (8, 8)), ((2048, 1024), (2048, 1024)), ((2048, 1024), (1,))],
        small=((20, 50), (50,)),
        arguments=lambda a, b: (randn(*a), randn(*b), False, EQUAL + LESS, np.zeros(a, np.bool_)),
        numpy=lambda a, b, integers, form, y: np.less_equal(a, b, out=y),
        bytes=lambda a, b: 5 * math.prod(a) + 4 * math.prod(b),
    ),
]
