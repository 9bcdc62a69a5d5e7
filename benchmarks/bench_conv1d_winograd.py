"""conv1d_winograd: layers over sequences. flops are the direct sum's, so that rates compare with conv2d's."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.conv1d_winograd import conv1d_winograd, conv1d_winograd_weight

# N, C, L, O, taps
SHAPES = [(16, 64, 1000, 64, 5), (16, 64, 1000, 64, 3), (8, 256, 100, 256, 3), (1, 64, 400, 64, 5)]


def windows(x, taps, padding):
    """All windows (N, C, L, taps) of the padded sequences."""
    return np.lib.stride_tricks.sliding_window_view(np.pad(x[:, :, 0], ((0, 0), (0, 0), padding)), taps, 2)


def arguments(N, C, L, O, taps):  # noqa: E741
    return randn(N, C, 1, L), randn(O, C, 1, taps), randn(O), out(N, O, 1, L), (taps // 2,) * 2, 1


def numpy(x, w, b, y, padding, groups):
    y[:, :, 0] = np.einsum("nclu,ocu->nol", windows(x, w.shape[3], padding), w[:, :, 0], optimize=True) + b[:, None]


def weight_arguments(N, C, L, O, taps):  # noqa: E741
    return randn(N, O, 1, L), randn(N, C, 1, L), out(O, C, 1, taps), out(O), (taps // 2,) * 2


def weight_numpy(dy, x, dw, db, padding):
    dw[:, :, 0] = np.einsum("nol,nclu->ocu", dy[:, :, 0], windows(x, dw.shape[3], padding), optimize=True)
    db[...] = dy.sum((0, 2, 3))


BENCHES = [
    Bench(
        kernel,
        SHAPES,
        small=(1, 2, 20, 2, 3),
        arguments=arguments,
        numpy=numpy,
        flops=lambda N, C, L, O, taps: 2 * N * C * L * O * taps,  # noqa: E741
    )
    for kernel, arguments, numpy in (
        (conv1d_winograd, arguments, numpy),
        (conv1d_winograd_weight, weight_arguments, weight_numpy),
    )
]
