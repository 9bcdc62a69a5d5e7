"""pow: squares, roots and any other power of an array."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.pow import pow_backward_exponent, pow_backward_input, pow_forward

SHAPES = [(1_000_000, 2.0), (1_000_000, 0.5), (1_000_000, 1.7)]
SMALL = (1_000, 1.7)


def base(n):
    return np.abs(randn(n)) + np.float32(0.1)


def one(exponent):
    return np.array(exponent, np.float32)


def pow_backward_input_numpy(dy, a, b, da):
    np.multiply(dy * b, a ** (b - 1), out=da)


def pow_backward_exponent_numpy(dy, a, b, y, db):
    np.multiply(dy * y, np.log(a), out=db)


BENCHES = [
    Bench(
        pow_forward,
        SHAPES,
        small=SMALL,
        arguments=lambda n, exponent: (base(n), one(exponent), out(n)),
        numpy=lambda a, b, y: np.power(a, b, out=y),
        bytes=lambda n, exponent: 8 * n,
    ),
    Bench(
        pow_backward_input,
        SHAPES,
        small=SMALL,
        arguments=lambda n, exponent: (randn(n), base(n), one(exponent), out(n)),
        numpy=pow_backward_input_numpy,
        bytes=lambda n, exponent: 12 * n,
    ),
    Bench(
        pow_backward_exponent,
        SHAPES[2:],
        small=SMALL,
        arguments=lambda n, exponent: (randn(n), base(n), one(exponent), base(n), out(n)),
        numpy=pow_backward_exponent_numpy,
        bytes=lambda n, exponent: 16 * n,
    ),
]
