"""The library's one source of randomness: initial weights, shuffles, dropout and augmentation all draw from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.random import Generator

_generator: Generator | None = None


def generator() -> Generator:
    """The global generator, a numpy Generator. Until manual_seed() it starts anywhere."""
    global _generator
    if _generator is None:
        # On first use, because numpy.random takes 30 ms to import and `import pydl` must be quick.
        from numpy.random import default_rng

        _generator = default_rng()
    return _generator


def manual_seed(seed: int) -> Generator:
    """Restarts the global generator from `seed`: the same seed gives the same numbers, bit for bit."""
    import operator

    from numpy.random import default_rng

    if isinstance(seed, bool) or not hasattr(seed, "__index__") or operator.index(seed) < 0:
        raise ValueError(f"manual_seed: seed must be a non-negative integer, not {seed!r}")
    generator().bit_generator.state = default_rng(operator.index(seed)).bit_generator.state
    return generator()


def get_rng_state() -> dict[str, Any]:
    """The generator's state, plain numbers that JSON can hold."""
    return dict(generator().bit_generator.state)


def set_rng_state(state: dict[str, Any]) -> None:
    """Puts the generator back where get_rng_state() found it."""
    generator().bit_generator.state = state
