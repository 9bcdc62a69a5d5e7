"""topk: the first of a beam, of a class's scores, and of a long line; mode: of labels and of many lines."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.sort import mode_forward, topk_forward


def topk_numpy(x, largest, values, index):
    index[...] = np.argsort(-x if largest else x, 1)[:, : index.shape[1]]
    values[...] = np.take_along_axis(x, index, 1)


def mode_numpy(x, values, index):
    for a, line in enumerate(x):
        numbers, counts = np.unique(line, return_counts=True)
        values[a] = numbers[counts.argmax()]
    index[...] = x.shape[1] - 1 - (x == values[:, None])[:, ::-1].argmax(1)


BENCHES = [
    Bench(
        topk_forward,
        [(64, 1000, 5), (16, 30_000, 4), (1, 1_000_000, 100)],
        small=(4, 50, 5),
        arguments=lambda a, n, k: (randn(a, n, 1), True, out(a, k, 1), np.empty((a, k, 1), np.int64)),
        numpy=topk_numpy,
        bytes=lambda a, n, k: 4 * a * n,
    ),
    Bench(
        mode_forward,
        [(1, 100_000), (1000, 50)],
        small=(4, 50),
        arguments=lambda a, n: (np.round(3 * randn(a, n)), out(a), np.empty((a,), np.int64)),
        numpy=mode_numpy,
        bytes=lambda a, n: 4 * a * n,
    ),
]
