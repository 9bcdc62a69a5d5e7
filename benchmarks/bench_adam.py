"""adam: all tensors of a model in one call."""

import numpy as np
from run import Bench, out, randn

from pydl.optim.adam import adam_update

# How many tensors, and how many elements each: as in a small convolutional network, many small ones, a large one.
SHAPES = [(8, 10_000), (200, 100), (1, 4_000_000)]


def adam_numpy(w, g, m, v, v_max, lr, beta1, beta2, eps, weight_decay, decoupled, ahead, correction1, correction2):
    for weight, gradient, mean, square in zip(w, g, m, v, strict=True):
        mean *= beta1
        mean += (1 - beta1) * gradient
        square *= beta2
        square += (1 - beta2) * gradient * gradient
        weight -= lr / correction1 * mean / (np.sqrt(square / correction2) + eps)


def arguments(count, n):
    w, g, m, v = ([make(n) for _ in range(count)] for make in (randn, randn, out, out))
    return w, g, m, v, [], 0.001, 0.9, 0.999, 1e-8, 0.0, False, 0.0, 0.1, 0.001


BENCHES = [
    Bench(
        adam_update,
        SHAPES,
        small=(4, 250),
        arguments=arguments,
        numpy=adam_numpy,
        bytes=lambda count, n: 28 * count * n,
    )
]
