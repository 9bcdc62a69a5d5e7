"""compute_deltas: how fast features change, as the slope of a line through the frames around each one.

    d_t = sum_(n=1)^R n (c_(t+n) - c_(t-n)) / (2 sum_(n=1)^R n^2)             R = (win_length - 1) / 2

Shapes    c, d (..., frames)
Units     change in a frame
Source    Furui, "Speaker-independent isolated word recognition using dynamic features of speech spectrum", IEEE Trans.
          ASSP 34 (1986)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Array, check_choice, check_float, check_integer

_PADDING = {"replicate": "edge", "reflect": "reflect", "constant": "constant"}


def compute_deltas(specgram: Any, win_length: int = 5, mode: str = "replicate") -> Array:
    """The slopes of features (..., frames), of the same shape. As torchaudio's function.

    mode says what is beyond the ends: "replicate", "reflect" or "constant" (zeros).
    """
    c = check_float("compute_deltas", "specgram", specgram)
    reach = (check_integer("compute_deltas", "win_length", win_length, 3) - 1) // 2
    check_choice("compute_deltas", "mode", mode, *_PADDING)
    T = c.shape[-1] if c.ndim else 0
    if T < 1 or (mode == "reflect" and reach >= T):
        raise ValueError(f"compute_deltas: specgram must be (..., frames), more than {reach}, but has shape {c.shape}")
    padded = np.pad(c, [(0, 0)] * (c.ndim - 1) + [(reach, reach)], mode=_PADDING[mode])  # type: ignore[call-overload]
    slopes = np.zeros_like(c)
    for n in range(1, reach + 1):
        slopes += n * (padded[..., reach + n : reach + n + T] - padded[..., reach - n : reach - n + T])
    slopes /= 2 * sum(n * n for n in range(1, reach + 1))
    return slopes
