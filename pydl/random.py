"""The library's one source of randomness: initial weights, shuffles, dropout and augmentation all draw from it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from .arguments import show

if TYPE_CHECKING:
    from numpy.random import Generator

_generator: Generator | None = None
_WORD = 2**32 - 1


def generator() -> Generator:
    """The global generator, a numpy Generator. Until manual_seed() it starts anywhere."""
    global _generator
    if _generator is None:
        # On first use, because numpy.random takes 30 ms to import and `import pydl` must be quick.
        from numpy.random import default_rng

        _generator = default_rng()
        if hasattr(os, "register_at_fork"):
            # A fork while another thread draws numbers would leave their lock locked for ever in the child.
            lock = _generator.bit_generator.lock
            os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
    return _generator


def manual_seed(seed: int) -> Generator:
    """Restarts the global generator from `seed`: the same seed gives the same numbers, bit for bit."""
    import operator

    from numpy.random import default_rng

    try:
        number = -1 if isinstance(seed, bool) else operator.index(seed)
    except TypeError:
        number = -1
    if number < 0:
        raise ValueError(f"manual_seed: seed must be a non-negative integer, not {show(seed)}")
    generator().bit_generator.state = default_rng(number).bit_generator.state
    return generator()


def get_rng_state() -> dict[str, Any]:
    """The generator's state, plain numbers that JSON can hold."""
    return dict(generator().bit_generator.state)


def set_rng_state(state: dict[str, Any]) -> None:
    """Puts the generator back where get_rng_state() found it."""
    generator().bit_generator.state = state


def new_key() -> int:
    """64 random bits, as a signed integer: the key of a stream of numbers that native kernels make themselves.

    They come from the global generator, so its seed and its state decide the stream too.
    """
    return int(generator().bit_generator.random_raw()) - 2**63


def philox(counter: int, key: int) -> list[int]:
    """The four words of 32 bits that Philox4x32-10 makes of a counter (128 bits) and a key (64 bits).

    A counter-based generator: any part of a stream can be made without the part before it, so threads can share it.
    Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
    """
    c = [counter >> shift & _WORD for shift in (0, 32, 64, 96)]
    k = [key & _WORD, key >> 32 & _WORD]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [b >> 32 ^ c[1] ^ k[0], b & _WORD, a >> 32 ^ c[3] ^ k[1], a & _WORD]
        k = [k[0] + 0x9E3779B9 & _WORD, k[1] + 0xBB67AE85 & _WORD]
    return c


def philox_block(block: int, key: int) -> list[int]:
    """64 words from the counters 16 block to 16 block + 15, in the order of csrc/simd/random.h."""
    counters = [philox(16 * block + c, key) for c in range(16)]
    return [counters[j // 2 + 8 * (j % 2)][w] for w in range(4) for j in range(16)]
