"""group_norm: layers of a residual network in 32 groups, and instance_norm of large images; N, C, S, groups."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.group_norm import group_norm_backward, group_norm_forward

SHAPES = [(8, 64, 56 * 56, 32), (8, 512, 7 * 7, 32), (64, 256, 1, 8), (4, 32, 256 * 256, 32)]


def in_groups(array, G):
    return array.reshape(len(array), G, -1)


def forward_numpy(x, weight, bias, groups, eps, y, mean, rstd):
    grouped = in_groups(x, groups)
    mean[...] = grouped.mean(2)
    rstd[...] = 1 / np.sqrt(grouped.var(2) + eps)
    np.subtract(grouped, mean[..., None], out=in_groups(y, groups))
    in_groups(y, groups)[...] *= rstd[..., None]
    y *= weight[:, None]
    y += bias[:, None]


def backward_numpy(dy, x, weight, mean, rstd, dx, dweight, dbias):
    G = mean.shape[1]
    xhat = (in_groups(x, G) - mean[..., None]) * rstd[..., None]
    h = in_groups(dy * weight[:, None], G)
    dbias[...] = dy.sum((0, 2))
    dweight[...] = (dy * xhat.reshape(x.shape)).sum((0, 2))
    slope = h - h.mean(2, keepdims=True) - xhat * (h * xhat).mean(2, keepdims=True)
    np.multiply(slope, rstd[..., None], out=in_groups(dx, G))


BENCHES = [
    Bench(
        group_norm_forward,
        SHAPES,
        small=(2, 4, 10, 2),
        arguments=lambda N, C, S, G: (randn(N, C, S), randn(C), randn(C), G, 1e-5, out(N, C, S), out(N, G), out(N, G)),
        numpy=forward_numpy,
        bytes=lambda N, C, S, G: 8 * N * C * S,
    ),
    Bench(
        group_norm_backward,
        SHAPES,
        small=(2, 4, 10, 2),
        arguments=lambda N, C, S, G: (
            randn(N, C, S), randn(N, C, S), randn(C), randn(N, G), np.abs(randn(N, G)), out(N, C, S), out(C), out(C),
        ),
        numpy=backward_numpy,
        bytes=lambda N, C, S, G: 12 * N * C * S,
    ),
]  # fmt: skip
