"""prelu: a slope for all numbers, and one for each channel."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.prelu import prelu_forward

SHAPES = [(1, 1_000_000), (1_000, 1_000)]


def prelu_numpy(x, value, factor, y):
    np.copyto(y, np.where(x > 0, value, factor * value))


def arguments(C, S):
    x = randn(C, S)
    return x, x, randn(C, 1), out(C, S)


BENCHES = [
    Bench(
        prelu_forward,
        SHAPES,
        small=(10, 100),
        arguments=arguments,
        numpy=prelu_numpy,
        bytes=lambda C, S: 8 * C * S,
    )
]
