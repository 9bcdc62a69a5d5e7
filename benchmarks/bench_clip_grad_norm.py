"""clip_grad_norm: all tensors of a model in one call."""

import numpy as np
from run import Bench, out, randn

from pydl.optim.clip_grad_norm import grad_norm, grad_scale

# How many tensors, and how many elements each: as in a small convolutional network, many small ones, a large one.
SHAPES = [(8, 10_000), (200, 100), (1, 4_000_000)]


def grad_norm_numpy(g, norm, p):
    norm[()] = np.sqrt(sum(np.dot(each, each) for each in g))


def grad_scale_numpy(g, factor):
    for each in g:
        each *= factor


BENCHES = [
    Bench(
        grad_norm,
        SHAPES,
        small=(4, 250),
        arguments=lambda count, n: ([randn(n) for _ in range(count)], out(), 2.0),
        numpy=grad_norm_numpy,
        bytes=lambda count, n: 4 * count * n,
    ),
    Bench(
        grad_scale,
        SHAPES,
        small=(4, 250),
        arguments=lambda count, n: ([randn(n) for _ in range(count)], 1.0),
        numpy=grad_scale_numpy,
        bytes=lambda count, n: 8 * count * n,
    ),
]
