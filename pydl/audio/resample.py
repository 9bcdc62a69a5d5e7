"""resample: the same sound with another number of samples in a second.

    y_n = sum_m x_m h(n / new - m / old)
    h(t) = (b / old) sinc(b t) cos^2(pi b t / (2 W))        for |b t| < W, else 0;   b = rolloff min(old, new)

an ideal low-pass filter below half of the lower rate, sinc(z) = sin(pi z) / (pi z), cut off smoothly after W zero
crossings. n / new - m / old takes only `new` different values up to whole samples (old and new without their common
divisor), so there are `new` short filters, and each of them makes every new-th sample of the result.

Shapes    x (..., N), y (..., ceil(N new / old))
Units     rates in samples a second; only their ratio counts
Source    Smith, "Digital audio resampling", 2002; Crochiere, Rabiner, "Multirate digital signal processing", 1983
          (polyphase filters)
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from ..arguments import Array, check_float, check_integer, check_range

_MOST_FILTERS = 2**22  # numbers in all filters: rates without a common divisor would need billions


def resample(
    waveform: Any, orig_freq: int, new_freq: int, lowpass_filter_width: int = 6, rolloff: float = 0.99
) -> Array:
    """A waveform (..., N) of orig_freq samples a second as one of new_freq, in the same dtype.

    lowpass_filter_width is W of the formula, rolloff the part of the band that stays. As torchaudio's function.
    """
    x = check_float("resample", "waveform", waveform, integers=True)
    old, new = (check_integer("resample", *each, 1) for each in (("orig_freq", orig_freq), ("new_freq", new_freq)))
    width = check_integer("resample", "lowpass_filter_width", lowpass_filter_width, 1)
    if check_range("resample", "rolloff", rolloff, 0, 1) == 0:
        raise ValueError("resample: rolloff must be above 0")
    if x.ndim == 0:
        raise ValueError("resample: waveform must be (..., N), but is one number")
    divisor = math.gcd(old, new)
    old, new = old // divisor, new // divisor
    if old == new:
        return x.copy()
    filters = _filters(old, new, width, float(rolloff)).astype(x.dtype)
    taps, reach = filters.shape[1], (filters.shape[1] - 1) // 2
    N = x.shape[-1]
    y = np.zeros((*x.shape[:-1], -(-N * new // old)), x.dtype)
    padded = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(reach, reach + 1)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, taps, axis=-1)
    for phase in range(min(new, y.shape[-1])):
        # y_n for n = phase, phase + new, ... is around the samples floor(n old / new), which are `old` apart.
        part = y[..., phase::new]
        begin = phase * old // new
        part[...] = np.einsum("...nk,k->...n", windows[..., begin::old, :][..., : part.shape[-1], :], filters[phase])
    return y


@lru_cache(maxsize=64)
def _filters(old: int, new: int, width: int, rolloff: float) -> Array:
    """(new, taps): for each phase, h around the sample at or before n / new."""
    b = rolloff * min(old, new)
    reach = math.ceil(width * old / b)
    if new * (2 * reach + 1) > _MOST_FILTERS:
        raise ValueError(f"resample: the rates {old} and {new} have no common divisor, which needs too many filters")
    fraction = np.arange(new) * old % new / new  # of a sample, by which y_n is behind the sample at or before it
    t = (fraction[:, None] - np.arange(-reach, reach + 1)) / old
    inside = np.abs(b * t) < width
    filters: Array = b / old * np.sinc(b * t) * np.cos(np.pi * b * t / (2 * width)) ** 2 * inside
    return filters
