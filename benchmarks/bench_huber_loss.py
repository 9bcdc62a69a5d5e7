"""huber_loss: a small batch, a large one, and more than the last cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.huber_loss import huber_loss_backward, huber_loss_forward

SHAPES = [(64,), (100_000,), (10_000_000,)]


def one():
    return np.ones(1, np.float32)


def forward_numpy(x, target, y, delta, scale, reduction):
    d = np.abs(x - target)
    y[0] = np.where(d < delta, d * d / 2, delta * (d - delta / 2)).mean() * scale


def backward_numpy(dy, x, target, dx, dtarget, delta, scale, mean):
    np.multiply(np.clip(x - target, -delta, delta), scale * dy[0] / len(x), out=dx)


BENCHES = [
    Bench(
        huber_loss_forward,
        SHAPES,
        small=(64,),
        arguments=lambda n: (randn(n), randn(n), out(1), 1.0, 1.0, 1),
        numpy=forward_numpy,
        bytes=lambda n: 8 * n,
    ),
    Bench(
        huber_loss_backward,
        SHAPES,
        small=(64,),
        arguments=lambda n: (one(), randn(n), randn(n), out(n), None, 1.0, 1.0, True),
        numpy=backward_numpy,
        bytes=lambda n: 12 * n,
    ),
]
