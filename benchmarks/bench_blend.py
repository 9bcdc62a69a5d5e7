"""blend: what is made of three numbers in one pass."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.blend import LENGTH, LINE, PRODUCT, QUOTIENT, blend_forward

SHAPES = [(1_000_000, PRODUCT), (1_000_000, QUOTIENT), (1_000_000, LINE), (1_000_000, LENGTH)]


def blend_numpy(a, b, c, form, value, y):
    if form == LENGTH:
        np.hypot(a, b, out=y)
    elif form == LINE:
        np.add(a, c * (b - a), out=y)
    else:
        np.add(a, value * (b * c if form == PRODUCT else b / c), out=y)


BENCHES = [
    Bench(
        blend_forward,
        SHAPES,
        small=(1_000, PRODUCT),
        arguments=lambda n, form: (randn(n), randn(n), randn(n), form, 0.5, out(n)),
        numpy=blend_numpy,
        bytes=lambda n, form: 16 * n,
    )
]
