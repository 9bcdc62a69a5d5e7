"""rms_norm: tokens of small and large language models, and rows of a vocabulary."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.rms_norm import rms_norm_backward, rms_norm_forward

SHAPES = [(64, 64), (2048, 256), (4096, 768), (4096, 4096), (8, 1_000_000)]


def forward_numpy(x, weight, eps, y, rstd):
    rstd[...] = 1 / np.sqrt(np.square(x).mean(1) + eps)
    np.multiply(x, rstd[:, None], out=y)
    y *= weight


def backward_numpy(dy, x, weight, rstd, dx, dweight):
    xhat = x * rstd[:, None]
    dweight[...] = (dy * xhat).sum(0)
    g = dy * weight
    np.multiply(g - xhat * (g * xhat).mean(1, keepdims=True), rstd[:, None], out=dx)


BENCHES = [
    Bench(
        rms_norm_forward,
        SHAPES,
        small=(20, 30),
        arguments=lambda R, D: (randn(R, D), randn(D), 1e-5, out(R, D), out(R)),
        numpy=forward_numpy,
        bytes=lambda R, D: 8 * R * D,
    ),
    Bench(
        rms_norm_backward,
        SHAPES,
        small=(20, 30),
        arguments=lambda R, D: (randn(R, D), randn(R, D), randn(D), np.abs(randn(R)), out(R, D), out(D)),
        numpy=backward_numpy,
        bytes=lambda R, D: 12 * R * D,
    ),
]
