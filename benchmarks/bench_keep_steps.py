"""keep_steps: sounds whose lengths differ."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.keep_steps import keep_steps_forward


def arguments(T, N, D):
    return randn(T, N, D), np.linspace(T // 2, T, N).astype(np.int64), out(T, N, D)


def with_numpy(x, lengths, y):
    y[...] = np.where((np.arange(len(x))[:, None] < lengths)[..., None], x, 0)


BENCHES = [
    Bench(
        keep_steps_forward,
        [(75, 16, 240), (300, 32, 40)],
        small=(4, 2, 8),
        arguments=arguments,
        numpy=with_numpy,
        bytes=lambda *shape: 8 * int(np.prod(shape)),
    ),
]
