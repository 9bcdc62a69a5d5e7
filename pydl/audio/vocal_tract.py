"""Vocal-tract-length perturbation: the same words from a longer or shorter throat.

A vocal tract that is shorter by the factor alpha has its resonances at frequencies higher by alpha. The filters of a
mel filter bank move along: their corners f become

    f alpha                                                          for f <= f_high min(alpha, 1) / alpha
    S - (S - f_high min(alpha, 1)) / (S - f_high min(alpha, 1) / alpha) (S - f)      above

so that S, half the sample rate, stays where it is.

Units     f, f_high, S in Hz
Source    Jaitly, Hinton, "Vocal tract length perturbation (VTLP) improves speech recognition", ICML workshop on deep
          learning for audio, speech and language, 2013
"""

from __future__ import annotations

import numpy as np

from ..arguments import Array, check_range
from .mel import mel_points, triangles


def vocal_tract_fbanks(
    n_freqs: int,
    f_min: float,
    f_max: float,
    n_mels: int,
    sample_rate: int,
    alpha: float,
    f_high: float | None = None,
    norm: str | None = None,
    mel_scale: str = "htk",
) -> Array:
    """melscale_fbanks() with its corners warped by `alpha`; with alpha = 1 the same filters.

    f_high is where the scale begins to bend back: by default 0.6 of the sample rate's half, which is 4,800 of 8,000 Hz
    as in the source.
    """
    name = "vocal_tract_fbanks"
    points = mel_points(name, f_min, f_max, n_mels, sample_rate, mel_scale)
    alpha = check_range(name, "alpha", alpha, 0.5, 2)
    nyquist = sample_rate / 2
    high = 0.6 * nyquist if f_high is None else check_range(name, "f_high", f_high, 0, nyquist)
    bend = high * min(alpha, 1.0)
    if not bend / alpha < nyquist:
        raise ValueError(f"{name}: f_high is {high} and alpha {alpha}, which leaves nothing above to bend back")
    slope = (nyquist - bend) / (nyquist - bend / alpha)
    warped = np.where(points <= bend / alpha, points * alpha, nyquist - slope * (nyquist - points))
    return triangles(name, warped, n_freqs, sample_rate, norm)
