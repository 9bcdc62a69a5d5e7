"""rmsprop: the update of a small convolutional network, of many small tensors, and of one that no cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.optim.rmsprop import rmsprop_update

LENET = (500, 20, 20000, 40, 64000, 100, 1000, 10)
SMALL = (100,) * 200
LARGE = (4_000_000,)


def rmsprop_numpy(w, g, s, a, v, lr, alpha, eps, weight_decay, momentum):
    for weight, gradient, square in zip(w, g, s, strict=True):
        square *= alpha
        square += (1 - alpha) * gradient * gradient
        weight -= lr * gradient / (np.sqrt(square) + eps)


def arguments(*sizes):
    w, g, s = ([make(n) for n in sizes] for make in (randn, randn, out))
    return w, g, s, [], [], 0.01, 0.99, 1e-8, 0.0, 0.0


BENCHES = [
    Bench(
        rmsprop_update,
        [LENET, SMALL, LARGE],
        small=(1000,),
        arguments=arguments,
        numpy=rmsprop_numpy,
        bytes=lambda *n: 20 * sum(n),
    )
]
