"""l1_loss: a small batch, a large one, and more than the last cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.l1_loss import l1_loss_backward, l1_loss_forward

SHAPES = [(64,), (100_000,), (10_000_000,)]


def one():
    return np.ones(1, np.float32)


def forward_numpy(x, target, y, reduction):
    y[0] = np.abs(x - target).mean()


def backward_numpy(dy, x, target, dx, *rest):
    np.multiply(np.sign(x - target), dy[0] / len(x), out=dx)


BENCHES = [
    Bench(
        l1_loss_forward,
        SHAPES,
        small=(64,),
        arguments=lambda n: (randn(n), randn(n), out(1), 1),
        numpy=forward_numpy,
        bytes=lambda n: 8 * n,
    ),
    Bench(
        l1_loss_backward,
        SHAPES,
        small=(64,),
        arguments=lambda n: (one(), randn(n), randn(n), out(n), None, True),
        numpy=backward_numpy,
        bytes=lambda n: 12 * n,
    ),
]
