"""dropout: from one small layer to more than the last cache holds. The forward pass includes the random mask."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.dropout import dropout_backward, dropout_forward

SHAPES = [(1_000,), (100_000,), (10_000_000,)]
KEY = 1234


def random_words(count, key):
    """The first words of a Philox stream: random.py in numpy."""
    blocks = np.arange(-(-count // 64), dtype=np.uint64)[:, None] * np.uint64(16)
    counter = blocks + np.arange(16, dtype=np.uint64)
    low = np.uint64(2**32 - 1)
    c = [counter & low, counter >> np.uint64(32), np.zeros_like(counter), np.zeros_like(counter)]
    k = [key & (2**32 - 1), key >> 32 & (2**32 - 1)]
    for _ in range(10):
        a, b = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [b >> np.uint64(32) ^ c[1] ^ np.uint64(k[0]), b & low, a >> np.uint64(32) ^ c[3] ^ np.uint64(k[1]), a & low]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    order = [j // 2 + 8 * (j % 2) for j in range(16)]
    return np.stack([each[:, order] for each in c], 1).reshape(-1)[:count]


def forward_numpy(x, key, threshold, scale, mask, y):
    np.greater_equal(random_words(len(x), key), threshold, out=mask, casting="unsafe")
    np.multiply(x, mask, out=y)
    np.multiply(y, scale, out=y)


def backward_numpy(dy, mask, scale, dx):
    np.multiply(dy, mask, out=dx)
    np.multiply(dx, scale, out=dx)


BENCHES = [
    Bench(
        dropout_forward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), KEY, 2**31, 2.0, np.zeros(n, np.uint8), out(n)),
        numpy=forward_numpy,
        bytes=lambda n: 9 * n,
    ),
    Bench(
        dropout_backward,
        SHAPES,
        small=(1_000,),
        arguments=lambda n: (randn(n), np.random.default_rng(0).random(n) >= 0.5, 2.0, out(n)),
        numpy=backward_numpy,
        bytes=lambda n: 9 * n,
    ),
]
