"""cat: maps beside maps as in a U-Net or a DenseNet, words beside words, and lines one behind another."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.cat import cat_forward


def cat_numpy(x, rows, y):
    np.concatenate([each.reshape(rows, -1) for each in x], 1, out=y.reshape(rows, -1))


BENCHES = [
    Bench(
        cat_forward,
        [(32, 64 * 28 * 28, 2), (2000, 100, 3), (1, 100_000, 4)],
        small=(6, 7, 3),
        arguments=lambda rows, n, count: ([randn(rows, n) for _ in range(count)], rows, out(rows, count * n)),
        numpy=cat_numpy,
        bytes=lambda rows, n, count: 8 * rows * n * count,
    ),
]
