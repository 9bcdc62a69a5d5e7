"""adadelta: all tensors of a model in one call."""

import numpy as np
from run import Bench, out, randn

from pydl.optim.adadelta import adadelta_update

# How many tensors, and how many elements each: as in a small convolutional network, many small ones, a large one.
SHAPES = [(8, 10_000), (200, 100), (1, 4_000_000)]


def adadelta_numpy(w, g, s, d, lr, rho, eps, weight_decay):
    for weight, gradient, square, step_square in zip(w, g, s, d, strict=True):
        square *= rho
        square += (1 - rho) * gradient * gradient
        step = np.sqrt(step_square + eps) / np.sqrt(square + eps) * gradient
        step_square *= rho
        step_square += (1 - rho) * step * step
        weight -= lr * step


def arguments(count, n):
    w, g, s, d = ([make(n) for _ in range(count)] for make in (randn, randn, out, out))
    return w, g, s, d, 1.0, 0.9, 1e-6, 0.0


BENCHES = [
    Bench(
        adadelta_update,
        SHAPES,
        small=(4, 250),
        arguments=arguments,
        numpy=adadelta_numpy,
        bytes=lambda count, n: 28 * count * n,
    )
]
