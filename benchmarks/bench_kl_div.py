"""kl_div: a small batch, a large one, and more than the last cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.kl_div import kl_div_backward, kl_div_forward

SHAPES = [(64,), (100_000,), (10_000_000,)]


def positive(n):
    return np.exp(randn(n))


def forward_numpy(x, target, y, log_target, reduction):
    y[0] = (target * (np.log(target) - x)).mean()


def backward_numpy(dy, x, target, dx, *rest):
    np.multiply(target, -dy[0] / len(x), out=dx)


BENCHES = [
    Bench(
        kl_div_forward,
        SHAPES,
        small=(64,),
        arguments=lambda n: (randn(n), positive(n), out(1), False, 1),
        numpy=forward_numpy,
        bytes=lambda n: 8 * n,
    ),
    Bench(
        kl_div_backward,
        SHAPES,
        small=(64,),
        arguments=lambda n: (np.ones(1, np.float32), randn(n), positive(n), out(n), None, False, True),
        numpy=backward_numpy,
        bytes=lambda n: 12 * n,
    ),
]
