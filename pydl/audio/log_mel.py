"""log_mel_spectrogram: how loud each mel band is over time, in logarithms, the usual input of speech recognition.

    y_(m,t) = log(max(floor, sum_k fbanks_(k,m) |X_(k,t)|^2))            X = stft(input, ...)

Shapes    input (..., samples), fbanks (n_fft/2 + 1, M), y (..., M, frames)
Units     natural logarithm of power; floor is a power
Source    Davis, Mermelstein, 1980 (see mel.py)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Array, check_float, check_integer, check_range
from ..ops import matmul
from .stft import stft


def log_mel_spectrogram(
    input: Any,
    fbanks: Any,
    hop_length: int,
    window: Any,
    n_fft: int | None = None,
    center: bool = True,
    floor: float = 1e-6,
) -> Array:
    """Log-mel features (..., M, frames) of samples (..., N), in the input's dtype.

    fbanks is what melscale_fbanks() gives for n_fft/2 + 1 frequencies, window the weights of a frame, hann_window(...)
    say; n_fft is 2 (n_freqs - 1) by default. Beyond the ends there is silence.
    """
    name = "log_mel_spectrogram"
    x = check_float(name, "input", input, integers=True)
    bank = check_float(name, "fbanks", fbanks)
    weights = check_float(name, "window", window, integers=True)
    if bank.ndim != 2 or len(bank) < 2:
        raise ValueError(f"{name}: fbanks must be (n_freqs, n_mels), but has shape {bank.shape}")
    n_fft = 2 * (len(bank) - 1) if n_fft is None else check_integer(name, "n_fft", n_fft, 1)
    if n_fft // 2 + 1 != len(bank):
        raise ValueError(f"{name}: fbanks has {len(bank)} frequencies but n_fft {n_fft} gives {n_fft // 2 + 1}")
    if weights.ndim != 1:
        raise ValueError(f"{name}: window must be (win_length), but has shape {weights.shape}")
    floor = check_range(name, "floor", floor, 0)
    X = stft(x, n_fft, hop_length, len(weights), weights, center, "constant")
    power = X.real**2 + X.imag**2
    y: Array = matmul(bank.T.astype(power.dtype), power).numpy()
    np.maximum(y, floor, out=y)
    with np.errstate(divide="ignore"):  # a floor of 0 gives -inf for silence
        return np.log(y, out=y)
