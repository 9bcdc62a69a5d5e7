"""layer_norm: tokens of small and large language models, and rows of a vocabulary."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.layer_norm import layer_norm_backward, layer_norm_forward

SHAPES = [(64, 64), (2048, 256), (4096, 768), (4096, 4096), (8, 1_000_000)]


def forward_numpy(x, weight, bias, eps, y, mean, rstd):
    mean[...] = x.mean(1)
    rstd[...] = 1 / np.sqrt(x.var(1) + eps)
    np.subtract(x, mean[:, None], out=y)
    y *= rstd[:, None]
    y *= weight
    y += bias


def backward_numpy(dy, x, weight, mean, rstd, dx, dweight, dbias):
    xhat = (x - mean[:, None]) * rstd[:, None]
    dbias[...] = dy.sum(0)
    dweight[...] = (dy * xhat).sum(0)
    g = dy * weight
    dot = (g * xhat).mean(1, keepdims=True)
    np.multiply(g - g.mean(1, keepdims=True) - xhat * dot, rstd[:, None], out=dx)


BENCHES = [
    Bench(
        layer_norm_forward,
        SHAPES,
        small=(20, 30),
        arguments=lambda R, D: (randn(R, D), randn(D), randn(D), 1e-5, out(R, D), out(R), out(R)),
        numpy=forward_numpy,
        bytes=lambda R, D: 8 * R * D,
    ),
    Bench(
        layer_norm_backward,
        SHAPES,
        small=(20, 30),
        arguments=lambda R, D: (
            randn(R, D), randn(R, D), randn(D), randn(R), np.abs(randn(R)), out(R, D), out(D), out(D),
        ),
        numpy=backward_numpy,
        bytes=lambda R, D: 12 * R * D,
    ),
]  # fmt: skip
