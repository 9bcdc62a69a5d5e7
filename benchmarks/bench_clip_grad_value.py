"""clip_grad_value: all tensors of a model in one call."""

import numpy as np
from run import Bench, randn

from pydl.optim.clip_grad_value import clip_grad_value

# How many tensors, and how many elements each: as in a small convolutional network, many small ones, a large one.
SHAPES = [(8, 10_000), (200, 100), (1, 4_000_000)]


def clip_numpy(g, limit):
    for each in g:
        np.clip(each, -limit, limit, out=each)


BENCHES = [
    Bench(
        clip_grad_value,
        SHAPES,
        small=(4, 250),
        arguments=lambda count, n: ([randn(n) for _ in range(count)], 1.0),
        numpy=clip_numpy,
        bytes=lambda count, n: 8 * count * n,
    )
]
