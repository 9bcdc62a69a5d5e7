"""argmax and argmin: one long row, many rows, the prediction of a classifier."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.argmax import argmax_forward, argmin_forward

ROWS = [(1, 10_000_000), (4096, 1024), (1000, 10)]


def where(kernel, of):
    def numpy(x, y, index):
        of(x, -1, out=index)
        y[...] = np.take_along_axis(x, index[:, None], -1)[:, 0]

    return Bench(
        kernel,
        ROWS,
        small=(100, 10),
        arguments=lambda n, c: (randn(n, c), out(n), out(n, dtype=np.int64)),
        numpy=numpy,
        bytes=lambda n, c: 4 * n * c + 12 * n,
    )


BENCHES = [where(argmax_forward, np.argmax), where(argmin_forward, np.argmin)]
