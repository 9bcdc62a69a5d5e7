"""randn: from the noise of one small layer to more than the last cache holds."""

import numpy as np
from bench_dropout import random_words
from run import Bench, out

from pydl.ops.randn import randn_forward


def with_numpy(key, words, y):
    numbers = (random_words(-(-len(y) // 64) * 64, key) >> np.uint64(8)).astype(np.float32) / np.float32(2**24)
    u, turns = (numbers.reshape(-1, 2, 32)[:, i] for i in (0, 1))
    r, angle = np.sqrt(-2 * np.log(u + np.float32(2**-24))), np.float32(2 * np.pi) * turns
    y[...] = np.stack([r * np.cos(angle), r * np.sin(angle)], 1).reshape(-1)[: len(y)]


BENCHES = [
    Bench(
        randn_forward,
        [(1_000,), (100_000,), (10_000_000,)],
        small=(1_000,),
        arguments=lambda n: (1234, 1, out(n)),
        numpy=with_numpy,
        bytes=lambda n: 4 * n,
    ),
]
