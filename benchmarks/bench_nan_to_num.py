"""nan_to_num: from one small layer to more than the last cache holds."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.nan_to_num import nan_to_num_forward


def nan_to_num_numpy(x, nan, posinf, neginf, y):
    y[...] = np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


BENCHES = [
    Bench(
        nan_to_num_forward,
        [(1_000,), (100_000,), (10_000_000,)],
        small=(1_000,),
        arguments=lambda n: (randn(n), 0.0, 1.0, -1.0, out(n)),
        numpy=nan_to_num_numpy,
        bytes=lambda n: 8 * n,
    ),
]
