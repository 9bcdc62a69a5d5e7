"""Windows: weights that fade a frame in and out, so that cutting it does not sound like a click.

    hann       w_n = 0.5 - 0.5 cos(2 pi n / P)             n = 0 ... N - 1
    hamming    w_n = 0.54 - 0.46 cos(2 pi n / P)

P is N for a periodic window, whose copies N samples apart go on smoothly, and N - 1 for a symmetric one.

Source    Blackman, Tukey, "The measurement of power spectra", 1958
"""

from __future__ import annotations

import numpy as np

from ..arguments import Array, check_flag, check_integer


def hann_window(window_length: int, periodic: bool = True) -> Array:
    """Hann's window (N), float64; 0 at its ends."""
    return _cosine("hann_window", window_length, periodic, 0.5)


def hamming_window(window_length: int, periodic: bool = True) -> Array:
    """Hamming's window (N), float64; 0.08 at its ends."""
    return _cosine("hamming_window", window_length, periodic, 0.54)


def _cosine(name: str, window_length: int, periodic: bool, middle: float) -> Array:
    size = check_integer(name, "window_length", window_length, 0)
    period = size if check_flag(name, "periodic", periodic) else size - 1
    if size == 1:
        return np.ones(1)
    window: Array = middle - (1 - middle) * np.cos(2 * np.pi * np.arange(size) / max(period, 1))
    return window
