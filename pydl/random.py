"""The library's one source of randomness: initial weights, shuffles, dropout and augmentation all draw from it."""

from __future__ import annotations

from typing import Any

import numpy as np

_generator = np.random.default_rng()


def generator() -> np.random.Generator:
    """The global generator, a numpy Generator."""
    return _generator


def manual_seed(seed: int) -> np.random.Generator:
    """Restarts the global generator from `seed`: the same seed gives the same numbers, bit for bit."""
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"manual_seed: seed must be a non-negative integer, not {seed!r}")
    _generator.bit_generator.state = np.random.default_rng(int(seed)).bit_generator.state
    return _generator


def get_rng_state() -> dict[str, Any]:
    """The generator's state, plain numbers that JSON can hold."""
    return dict(_generator.bit_generator.state)


def set_rng_state(state: dict[str, Any]) -> None:
    """Puts the generator back where get_rng_state() found it."""
    _generator.bit_generator.state = state
