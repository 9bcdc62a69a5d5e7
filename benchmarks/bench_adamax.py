"""adamax: all tensors of a model in one call."""

import numpy as np
from run import Bench, out, randn

from pydl.optim.adamax import adamax_update

# How many tensors, and how many elements each: as in a small convolutional network, many small ones, a large one.
SHAPES = [(8, 10_000), (200, 100), (1, 4_000_000)]


def adamax_numpy(w, g, m, u, rate, beta1, beta2, eps, weight_decay):
    for weight, gradient, mean, largest in zip(w, g, m, u, strict=True):
        mean *= beta1
        mean += (1 - beta1) * gradient
        largest *= beta2
        np.maximum(largest, np.abs(gradient) + eps, out=largest)
        weight -= rate * mean / largest


def arguments(count, n):
    w, g, m, u = ([make(n) for _ in range(count)] for make in (randn, randn, out, out))
    return w, g, m, u, 0.001, 0.9, 0.999, 1e-8, 0.0


BENCHES = [
    Bench(
        adamax_update,
        SHAPES,
        small=(4, 250),
        arguments=arguments,
        numpy=adamax_numpy,
        bytes=lambda count, n: 28 * count * n,
    )
]
