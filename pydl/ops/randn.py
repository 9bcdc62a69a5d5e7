"""randn: random numbers from the normal distribution N(0, 1).

    r = sqrt(-2 ln u), u = (a + 1) / 2^b;   t = c / 2^b
    y[i] = r cos(2 pi t),   y[i + N/2] = r sin(2 pi t)

a and c are the first b bits of words of a Philox stream (random.py), a block of 64 words at a time: for float32 a word
makes a number, b = 24 and N = 64; for float64 two words do, the first the lower half, b = 52 and N = 32. a is number i
of the block, c number i + N/2. Every call draws the key of its own stream from the global generator. So the numbers
depend on the seed alone, not on threads or vectors.

Shapes    y (*): any shape
Source    Box, Muller, "A note on the generation of random normal deviates", Annals of Mathematical Statistics 29 (1958)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import random
from .._compiled import flat
from ..op import empty, kernel


@kernel(writes="y")
def randn_forward(key, words, y):
    """words: 1 for float32, 2 for float64."""
    N, b = 64 // words, 24 if words == 1 else 52
    for i in range(len(y)):
        if i % N == 0:
            block = random.philox_block(i // N, key)
            numbers = [sum(block[words * n + w] << 32 * w for w in range(words)) >> 32 * words - b for n in range(N)]
        n = i % (N // 2)
        r = math.sqrt(-2 * math.log((numbers[n] + 1) / 2**b))
        angle = 2 * math.pi * numbers[n + N // 2] / 2**b
        y[i] = r * (math.cos(angle) if i % N < N // 2 else math.sin(angle))


@randn_forward.samples
def _(draw):
    size = draw.choice(draw.integer(0, 300), draw.integer(16000, 17000))
    return {"key": draw.bits() * 2**31 - 2**62, "words": draw.dtype.itemsize // 4, "y": draw.out((size,))}


def normal_numbers(shape: tuple[int, ...], dtype: Any) -> Any:
    """An array of numbers from N(0, 1)."""
    y = empty(shape, np.dtype(dtype))
    randn_forward(random.new_key(), y.itemsize // 4, flat(y))
    return y
