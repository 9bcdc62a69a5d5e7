"""Mel filter banks: bands that are equally wide for the ear.

    htk       m = 2595 log10(1 + f / 700)
    slaney    m = 3 f / 200                                for f < 1000
              m = 15 + 27 log(f / 1000) / log(6.4)         from there on

Filter j is a triangle over the frequencies: from 0 at p_j it rises to 1 at p_(j+1) and falls to 0 at p_(j+2), where the
n_mels + 2 points p are equally far apart in mel, from f_min to f_max. With norm="slaney" every triangle has the area 1:
it is divided by (p_(j+2) - p_j) / 2.

Shapes    fbanks (n_freqs, n_mels); row k is the frequency k (rate / 2) / (n_freqs - 1)
Units     f, p in Hz
Source    Stevens, Volkmann, Newman, "A scale for the measurement of the psychological magnitude pitch", J. Acoust. Soc.
          Am. 8 (1937); Davis, Mermelstein, "Comparison of parametric representations for monosyllabic word
          recognition", IEEE Trans. ASSP 28 (1980); Young et al., "The HTK book"; Slaney, "Auditory toolbox", 1998
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Array, check_choice, check_float, check_integer, check_range

_HERTZ_PER_MEL, _BREAK = 200 / 3, 1000.0  # slaney's scale is linear up to the break
_MELS_AT_BREAK, _LOG_STEP = 15.0, np.log(6.4) / 27


def hz_to_mel(frequency: Any, mel_scale: str = "htk") -> Array:
    """Mels of frequencies in Hz, float64, of the same shape."""
    check_choice("hz_to_mel", "mel_scale", mel_scale, "htk", "slaney")
    f = check_float("hz_to_mel", "frequency", frequency, integers=True).astype(np.float64)
    if (f < 0).any():
        raise ValueError("hz_to_mel: frequency must be at least 0")
    if mel_scale == "htk":
        return np.asarray(2595 * np.log10(1 + f / 700))
    above = _MELS_AT_BREAK + np.log(np.maximum(f, _BREAK) / _BREAK) / _LOG_STEP
    return np.where(f < _BREAK, f / _HERTZ_PER_MEL, above)


def mel_to_hz(mels: Any, mel_scale: str = "htk") -> Array:
    """Frequencies in Hz of mels, float64, of the same shape: the inverse of hz_to_mel."""
    check_choice("mel_to_hz", "mel_scale", mel_scale, "htk", "slaney")
    m = check_float("mel_to_hz", "mels", mels, integers=True).astype(np.float64)
    with np.errstate(over="ignore"):  # infinite, then
        if mel_scale == "htk":
            return np.asarray(700 * (10 ** (m / 2595) - 1))
        above = _BREAK * np.exp(_LOG_STEP * (np.maximum(m, _MELS_AT_BREAK) - _MELS_AT_BREAK))
    return np.where(m < _MELS_AT_BREAK, m * _HERTZ_PER_MEL, above)


def melscale_fbanks(
    n_freqs: int,
    f_min: float,
    f_max: float,
    n_mels: int,
    sample_rate: int,
    norm: str | None = None,
    mel_scale: str = "htk",
) -> Array:
    """The filters, float32 (n_freqs, n_mels). n_freqs is n_fft/2 + 1 of a spectrogram. As torchaudio's function."""
    points = mel_points("melscale_fbanks", f_min, f_max, n_mels, sample_rate, mel_scale)
    return triangles("melscale_fbanks", points, n_freqs, sample_rate, norm)


def mel_points(caller: str, f_min: float, f_max: float, n_mels: int, sample_rate: int, mel_scale: str) -> Array:
    """The corners of the triangles (n_mels + 2), in Hz."""
    n_mels = check_integer(caller, "n_mels", n_mels, 1)
    nyquist = check_integer(caller, "sample_rate", sample_rate, 1) / 2
    low = check_range(caller, "f_min", f_min, 0, nyquist)
    high = check_range(caller, "f_max", f_max, 0, nyquist)
    if not low < high:
        raise ValueError(f"{caller}: f_min is {f_min} and f_max {f_max}, needs f_min below f_max")
    check_choice(caller, "mel_scale", mel_scale, "htk", "slaney")
    low, high = (float(hz_to_mel(np.float64(f), mel_scale)) for f in (low, high))
    return mel_to_hz(np.linspace(low, high, n_mels + 2), mel_scale)


def triangles(caller: str, points: Array, n_freqs: int, sample_rate: int, norm: str | None) -> Array:
    """The triangles with these corners, on the frequencies of a spectrogram."""
    n_freqs = check_integer(caller, "n_freqs", n_freqs, 2)
    if norm is not None:
        check_choice(caller, "norm", norm, "slaney")
    f = np.linspace(0, sample_rate / 2, n_freqs)[:, None]
    left, middle, right = points[:-2], points[1:-1], points[2:]
    # Corners may coincide where a warped scale ends.
    rise = (f - left) / np.maximum(middle - left, 1e-12)
    fall = (right - f) / np.maximum(right - middle, 1e-12)
    fbanks: Array = np.maximum(0, np.minimum(rise, fall))
    if norm == "slaney":
        fbanks *= 2 / np.maximum(right - left, 1e-12)
    bank: Array = fbanks.astype(np.float32)
    return bank
