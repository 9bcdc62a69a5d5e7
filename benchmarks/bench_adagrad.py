"""adagrad: all tensors of a model in one call."""

import numpy as np
from run import Bench, out, randn

from pydl.optim.adagrad import adagrad_update

# How many tensors, and how many elements each: as in a small convolutional network, many small ones, a large one.
SHAPES = [(8, 10_000), (200, 100), (1, 4_000_000)]


def adagrad_numpy(w, g, s, lr, weight_decay, eps):
    for weight, gradient, total in zip(w, g, s, strict=True):
        total += gradient * gradient
        weight -= lr * gradient / (np.sqrt(total) + eps)


BENCHES = [
    Bench(
        adagrad_update,
        SHAPES,
        small=(4, 250),
        arguments=lambda count, n: (
            [randn(n) for _ in range(count)],
            [randn(n) for _ in range(count)],
            [out(n) for _ in range(count)],
            0.01,
            0.0,
            1e-10,
        ),
        numpy=adagrad_numpy,
        bytes=lambda count, n: 20 * count * n,
    )
]
