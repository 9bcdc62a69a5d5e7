"""kthvalue: the middle of many short lines, of longer ones and of one."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.kthvalue import KTH, kthvalue_forward


def kthvalue_numpy(x, k, form, values, index):
    values[...] = np.partition(x, k, 1)[:, k]
    index[...] = (x == values[:, None]).argmax(1)


BENCHES = [
    Bench(
        kthvalue_forward,
        [(10_000, 33), (1000, 1000), (1, 1_000_000)],
        small=(4, 50),
        arguments=lambda a, n: (randn(a, n), n // 2, KTH, out(a), np.empty((a,), np.int64)),
        numpy=kthvalue_numpy,
        bytes=lambda a, n: 4 * a * n,
    ),
]
