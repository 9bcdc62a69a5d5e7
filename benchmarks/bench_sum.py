"""sum: all elements, along rows, along columns (the gradient of a bias), over all but the channels."""

import numpy as np
from bench_mean import SHAPES, SMALL, reduced, size
from run import Bench, out, randn

from pydl.ops.sum import sum_forward

BENCHES = [
    Bench(
        sum_forward,
        SHAPES,
        small=SMALL,
        arguments=lambda x, y: (randn(*x), out(*y)),
        numpy=lambda x, y: np.sum(x, reduced(x, y), out=y, keepdims=True),
        bytes=lambda x, y: 4 * (size(x) + size(y)),
    ),
]
