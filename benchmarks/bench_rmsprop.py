"""rmsprop: all tensors of a model in one call."""

import numpy as np
from run import Bench, out, randn

from pydl.optim.rmsprop import rmsprop_update

# How many tensors, and how many elements each: as in a small convolutional network, many small ones, a large one.
SHAPES = [(8, 10_000), (200, 100), (1, 4_000_000)]


def rmsprop_numpy(w, g, s, a, v, lr, alpha, eps, weight_decay, momentum):
    for weight, gradient, square in zip(w, g, s, strict=True):
        square *= alpha
        square += (1 - alpha) * gradient * gradient
        weight -= lr * gradient / (np.sqrt(square) + eps)


def arguments(count, n):
    w, g, s = ([make(n) for _ in range(count)] for make in (randn, randn, out))
    return w, g, s, [], [], 0.01, 0.99, 1e-8, 0.0, 0.0


BENCHES = [
    Bench(
        rmsprop_update,
        SHAPES,
        small=(4, 250),
        arguments=arguments,
        numpy=rmsprop_numpy,
        bytes=lambda count, n: 20 * count * n,
    )
]
