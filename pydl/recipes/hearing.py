"""What a speech network hears: log-mel features of a sound, as loud and as coloured as any other.

40 mel bands from 60 to 3,800 Hz in frames of 25 ms, one every 10 ms. Every band has the mean 0 over the sound, which
takes away the microphone's colour and the distance to it, and all of them together have the standard deviation 1: bands
without speech, that is with nothing but noise, are not made louder. What is 35 dB below the loudest places is as good
as silence.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..arguments import Array
from ..audio import hann_window, log_mel_spectrogram, resample, vocal_tract_fbanks

RATE = 8000  # samples in a second
HOP = 80  # samples from one frame to the next
BANDS = 40
_WINDOW = hann_window(200).astype(np.float32)
_FLOOR = 1e-5  # power, so that silence has a logarithm
_DEPTH = 8.0  # of the features, in logarithms of power, below the loudest hundredth
SHORTEST = 400  # samples


@lru_cache(maxsize=64)
def _filters(warp: float) -> Array:
    return vocal_tract_fbanks(129, 60, 3800, BANDS, RATE, warp)


def hear(samples: Array, warp: float = 1.0) -> Array:
    """Features (T, 40), float32, of samples (N) at 8,000 a second. warp: the vocal tract's length, see VTLP."""
    padded = np.pad(samples, (0, max(0, SHORTEST - len(samples))))
    features = log_mel_spectrogram(padded.astype(np.float32), _filters(warp), HOP, _WINDOW, floor=_FLOOR).T
    features = np.maximum(features, np.float32(np.percentile(features, 99) - _DEPTH))
    centred = features - features.mean(0)
    normal: Array = centred / (np.sqrt((centred**2).mean()) + 0.1)
    return normal


def at_rate(samples: Array, rate: int) -> Array:
    """Samples of one channel at 8,000 a second, of a file (channels, N) with another rate."""
    return np.asarray(resample(samples.mean(0), rate, RATE))
