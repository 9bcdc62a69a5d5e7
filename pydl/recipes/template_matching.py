"""Template matching: a recording says what the most similar known one says, the method of the time before training.

Similarity is that of dynamic time warping, which stretches both so that like sounds meet:

    d_(i,j) = |x_i - y_j| + min(d_(i-1,j), d_(i,j-1), d_(i-1,j-1))        distance = d_(T,S) / (T + S)

Source    Sakoe, Chiba, "Dynamic programming algorithm optimization for spoken word recognition", IEEE Trans. ASSP 26
          (1978)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arguments import Array
from ..audio import mfcc
from .hearing import hear


def coefficients(samples: Array, step: int) -> Array:
    """12 cepstral coefficients (T, 12) of every step-th frame, without the first one, the loudness."""
    return np.ascontiguousarray(mfcc(hear(samples).T, 13)[1:, ::step].T)


def nearest(x: Array, templates: Sequence[Array]) -> int:
    """The number of the template that x (T, D) is most similar to; templates (S_k, D)."""
    lengths = np.array([len(each) for each in templates])
    padded = np.zeros((lengths.max(), len(templates), x.shape[1]), np.float32)
    for k, each in enumerate(templates):
        padded[: len(each), k] = each
    before = np.full((len(padded) + 1, len(templates)), np.inf, np.float32)
    before[0] = 0
    for frame in x:
        cost = np.sqrt(((padded - frame) ** 2).sum(2))
        now = np.full_like(before, np.inf)
        straight = np.minimum(before[1:], before[:-1])
        for j in range(len(cost)):
            now[j + 1] = cost[j] + np.minimum(straight[j], now[j])
        before = now
    distance = before[lengths, np.arange(len(templates))] / (len(x) + lengths)
    return int(distance.argmin())
