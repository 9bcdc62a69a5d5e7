"""stft: the spectrum of one frame after another, the short-time Fourier transform.

    X_(k,t) = sum_n w_n x_(t hop + n) exp(-2 pi i k n / N)        k = 0 ... N/2,  n = 0 ... N - 1

With center=True, x is continued by N/2 samples on both sides first, so that frame t is centred on sample t hop. Bin k
is the frequency k rate / N; the hop is in samples.

Shapes    input (..., samples), window (win_length), X (..., N/2 + 1, frames); frames = 1 + (samples - N) / hop, with
          center=True 1 + samples / hop, rounded down
Source    Allen, Rabiner, "A unified approach to short-time Fourier analysis and synthesis", Proc. IEEE 65 (1977)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Array, check_choice, check_flag, check_float, check_integer

_PADDING = {"reflect": "reflect", "replicate": "edge", "constant": "constant"}


def stft(
    input: Any,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Any = None,
    center: bool = True,
    pad_mode: str = "reflect",
) -> Array:
    """The complex spectra (..., n_fft/2 + 1, frames) of a real signal (..., samples).

    hop_length is n_fft / 4 by default, win_length n_fft; a shorter window is centred in the frame. Without a window all
    samples of a frame count alike. pad_mode says what is beyond the ends: "reflect", "replicate" or "constant" (zeros).
    As torch.stft(..., return_complex=True).
    """
    x = check_float("stft", "input", input, integers=True)
    n_fft = check_integer("stft", "n_fft", n_fft, 1)
    hop = check_integer("stft", "hop_length", max(n_fft // 4, 1) if hop_length is None else hop_length, 1)
    size = check_integer("stft", "win_length", n_fft if win_length is None else win_length, 1)
    if size > n_fft:
        raise ValueError(f"stft: win_length is {size}, longer than a frame (n_fft {n_fft})")
    weights = np.ones(size) if window is None else check_float("stft", "window", window, integers=True)
    if weights.shape != (size,):
        raise ValueError(f"stft: window has shape {weights.shape} but must be ({size},), as win_length says")
    if x.ndim == 0:
        raise ValueError("stft: input must be (..., samples), but is one number")
    mode = check_choice("stft", "pad_mode", pad_mode, *_PADDING)
    if check_flag("stft", "center", center):
        if mode != "constant" and x.shape[-1] <= (n_fft // 2 if mode == "reflect" else 0):
            raise ValueError(
                f"stft: input has {x.shape[-1]} samples, too few to continue them by {n_fft // 2} with "
                f"pad_mode={mode!r}; 'constant' takes any"
            )
        x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(n_fft // 2, n_fft // 2)], mode=_PADDING[mode])  # type: ignore[call-overload]
    if x.shape[-1] < n_fft:
        raise ValueError(f"stft: input has {x.shape[-1]} samples, fewer than a frame (n_fft {n_fft})")
    before = (n_fft - size) // 2
    whole = np.pad(weights, (before, n_fft - size - before)).astype(x.dtype)
    frames = np.lib.stride_tricks.sliding_window_view(x, n_fft, axis=-1)[..., ::hop, :]
    transformed = np.fft.rfft(frames * whole).astype(np.result_type(x, np.complex64), copy=False)  # NumPy 1 doubles
    return np.swapaxes(transformed, -1, -2)
