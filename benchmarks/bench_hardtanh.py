"""hardtanh: from one small layer to more than the last cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.hardtanh import hardtanh_backward, hardtanh_forward

SHAPES = [(1_000,), (100_000,), (10_000_000,)]
# Every function of this file takes the same time; hardswish is the one that networks are made of.
HARDSWISH = (-3.0, 3.0, False, 0.0, 1 / 6, 0.5, 0.0, True, 0.0)


def hardtanh_numpy(x, low, high, follows_below, below, square, slope, shift, follows_above, above, y):
    np.copyto(y, np.where(x <= low, below, np.where(x >= high, x, (square * x + slope) * x + shift)))


def hardtanh_backward_numpy(dy, x, low, high, follows_below, square, slope, follows_above, dx):
    np.copyto(dx, np.where(x <= low, 0, np.where(x >= high, dy, dy * (2 * square * x + slope))))


BENCHES = [
    Bench(
        hardtanh_forward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), *HARDSWISH, out(n)),
        numpy=hardtanh_numpy,
        bytes=lambda n: 8 * n,
    ),
    Bench(
        hardtanh_backward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), randn(n), -3.0, 3.0, False, 1 / 6, 0.5, True, out(n)),
        numpy=hardtanh_backward_numpy,
        bytes=lambda n: 12 * n,
    ),
]
