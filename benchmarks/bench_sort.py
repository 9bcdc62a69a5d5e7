"""topk: the first of a beam, of a class's scores, and of a long line."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.sort import topk_forward


def topk_numpy(x, largest, values, index):
    index[...] = np.argsort(-x if largest else x, 1)[:, : index.shape[1]]
    values[...] = np.take_along_axis(x, index, 1)


BENCHES = [
    Bench(
        topk_forward,
        [(64, 1000, 5), (16, 30_000, 4), (1, 1_000_000, 100)],
        small=(4, 50, 5),
        arguments=lambda a, n, k: (randn(a, n), True, out(a, k), np.empty((a, k), np.int64)),
        numpy=topk_numpy,
        bytes=lambda a, n, k: 4 * a * n,
    ),
]
