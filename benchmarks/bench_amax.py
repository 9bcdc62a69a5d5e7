"""amax and amin: all elements, along rows, along columns."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.amax import amax_backward, amax_forward, amin_forward

# The shape of x and that of y.
SHAPES = [((10_000_000,), (1,)), ((4096, 1024), (4096, 1)), ((4096, 1024), (1, 1024)), ((1000, 10), (1000, 1))]


def reduced(x, y):
    return tuple(d for d in range(x.ndim) if x.shape[d] != y.shape[d])


def extreme(kernel, of):
    return Bench(
        kernel,
        SHAPES,
        small=((100, 10), (100, 1)),
        arguments=lambda x, y: (randn(*x), out(*y)),
        numpy=lambda x, y: of(x, reduced(x, y), out=y, keepdims=True),
        bytes=lambda x, y: 4 * int(np.prod(x) + np.prod(y)),
    )


def amax_backward_arguments(n, c):
    x = randn(n, c)
    return randn(n, 1), x, x.max(1, keepdims=True), out(n, c)


def amax_backward_numpy(dy, x, y, dx):
    hits = x == y
    np.multiply(hits, dy / hits.sum(1, keepdims=True), out=dx)


BENCHES = [
    extreme(amax_forward, np.max),
    extreme(amin_forward, np.min),
    Bench(
        amax_backward,
        [(4096, 1024)],
        small=(100, 10),
        arguments=amax_backward_arguments,
        numpy=amax_backward_numpy,
        bytes=lambda n, c: 8 * n * c,
    ),
]
