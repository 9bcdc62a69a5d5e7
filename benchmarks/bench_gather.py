"""gather, its gradient and scatter: along rows and along columns."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.gather import gather_backward, gather_forward, pick_forward, scatter_add_integers, scatter_forward

SHAPES = [(1000, 1000, 1), (1, 1000, 1000)]


def index_of(a, k, b):
    return np.random.default_rng(0).integers(0, k, (a, k, b))


def gather_numpy(x, index, y):
    np.copyto(y, np.take_along_axis(x, index, 1))


def pick_numpy(x, row, column, y):
    y[...] = x[row, column]


def scatter_numpy(src, index, y):
    np.put_along_axis(y, index, src, 1)


def add_numpy(dy, index, dx):
    a, _, b = np.indices(index.shape)
    np.add.at(dx, (a, index, b), dy)


BENCHES = [
    Bench(
        forward,
        SHAPES,
        small=(10, 10, 1),
        arguments=lambda a, k, b: (randn(a, k, b), index_of(a, k, b), out(a, k, b)),
        numpy=plain,
        bytes=lambda a, k, b: 16 * a * k * b,
    )
    for forward, plain in (
        (gather_forward, gather_numpy),
        (gather_backward, add_numpy),
        (scatter_forward, scatter_numpy),
    )
] + [
    Bench(
        scatter_add_integers,
        SHAPES,
        small=(10, 10, 1),
        arguments=lambda a, k, b: (index_of(a, k, b), index_of(a, k, b), np.zeros((a, k, b), np.int64)),
        numpy=add_numpy,
        bytes=lambda a, k, b: 24 * a * k * b,
    ),
    Bench(
        pick_forward,
        [(1000, 1000), (100_000, 10)],
        small=(10, 10),
        arguments=lambda r, c: (randn(r, c), np.arange(r), index_of(1, c, r)[0, 0], out(r)),
        numpy=pick_numpy,
        bytes=lambda r, c: 24 * r,
    ),
]
