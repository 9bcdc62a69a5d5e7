"""mfcc: mel-frequency cepstral coefficients, the shape of a log-mel spectrum in a few numbers.

    c_(k,t) = s_k sum_m y_(m,t) cos(pi k (m + 1/2) / M)         s_0 = sqrt(1 / M), s_k = sqrt(2 / M) for k > 0

the orthonormal discrete cosine transform (DCT-II) of each frame. Slow waves over the bands, the first coefficients, are
the shape of the vocal tract; fast ones the pitch.

Shapes    y (..., M, frames), c (..., n_mfcc, frames), the matrix of create_dct (M, n_mfcc)
Source    Davis, Mermelstein, 1980 (see mel.py); Ahmed, Natarajan, Rao, "Discrete cosine transform", IEEE Trans.
          Computers 23 (1974)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Array, check_choice, check_float, check_integer


def create_dct(n_mfcc: int, n_mels: int, norm: str | None = "ortho") -> Array:
    """The matrix (n_mels, n_mfcc) of the DCT-II, float64; with norm=None 2 in place of s_k. As torchaudio's."""
    M, K = check_integer("create_dct", "n_mels", n_mels, 1), check_integer("create_dct", "n_mfcc", n_mfcc, 1)
    if norm is not None:
        check_choice("create_dct", "norm", norm, "ortho")
    k = np.arange(K)
    waves = np.cos(np.pi / M * (np.arange(M)[:, None] + 0.5) * k)
    scale = np.full(K, 2.0) if norm is None else np.where(k == 0, np.sqrt(1 / M), np.sqrt(2 / M))
    return np.asarray(waves * scale)


def mfcc(log_mel: Any, n_mfcc: int = 13) -> Array:
    """The first n_mfcc coefficients (..., n_mfcc, frames) of log-mel features (..., n_mels, frames)."""
    y = check_float("mfcc", "log_mel", log_mel)
    if y.ndim < 2:
        raise ValueError(f"mfcc: log_mel must be (..., n_mels, frames), but has shape {y.shape}")
    if check_integer("mfcc", "n_mfcc", n_mfcc, 1) > y.shape[-2]:
        raise ValueError(f"mfcc: n_mfcc is {n_mfcc}, more than the {y.shape[-2]} bands of log_mel")
    dct = create_dct(n_mfcc, y.shape[-2]).astype(y.dtype)
    c: Array = np.einsum("mk,...mt->...kt", dct, y)
    return c
