"""SpecAugment: hide random stretches of time and random bands of features, so that a network relies on no single one.

Source    Park et al., "SpecAugment: a simple data augmentation method for automatic speech recognition", Interspeech
          2019, without its time warping
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..arguments import Array, check_array, check_integer, check_number, check_range

if TYPE_CHECKING:
    from numpy.random import Generator


class SpecAugment:
    """A batch transform `transform(features, generator)` of (N, T, M): T frames of M bands.

    time_masks, time_width      how many stretches of each example are hidden, and how long they are at most; each
                                length is uniform from 0 to time_width, but at most time_share of T
    band_masks, band_width      the same for bands
    value                       what hidden places hold: 0 is the mean of normalised features
    """

    def __init__(
        self,
        time_masks: int = 2,
        time_width: int = 20,
        band_masks: int = 2,
        band_width: int = 8,
        time_share: float = 0.2,
        value: float = 0.0,
    ) -> None:
        self.time_masks = check_integer("SpecAugment", "time_masks", time_masks, 0)
        self.time_width = check_integer("SpecAugment", "time_width", time_width, 0)
        self.band_masks = check_integer("SpecAugment", "band_masks", band_masks, 0)
        self.band_width = check_integer("SpecAugment", "band_width", band_width, 0)
        self.time_share = check_range("SpecAugment", "time_share", time_share, 0, 1)
        self.value = check_number("SpecAugment", "value", value)

    def __call__(self, features: Any, generator: Generator) -> Array:
        x = check_array("SpecAugment", "features", features)
        if x.ndim != 3:
            raise ValueError(f"SpecAugment: features must be (N, T, M), but has shape {x.shape}")
        N, T, M = x.shape
        longest = min(self.time_width, int(self.time_share * T))
        times = _hidden(N, T, self.time_masks, longest, generator)
        bands = _hidden(N, M, self.band_masks, min(self.band_width, M), generator)
        return np.where(times[:, :, None] | bands[:, None, :], x.dtype.type(self.value), x)

    def __repr__(self) -> str:
        settings = ("time_masks", "time_width", "band_masks", "band_width", "time_share", "value")
        return f"SpecAugment({', '.join(f'{name}={getattr(self, name)}' for name in settings)})"


def _hidden(N: int, size: int, masks: int, longest: int, generator: Generator) -> Array:
    """(N, size): whether a place is in one of the example's random intervals."""
    length = generator.integers(0, longest + 1, (N, masks))
    begin = generator.integers(0, size - length + 1)
    place = np.arange(size)
    inside = (place >= begin[:, :, None]) & (place < (begin + length)[:, :, None])
    return np.asarray(inside.any(1))
