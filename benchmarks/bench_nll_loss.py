"""nll_loss: it touches one number a line, and fills the gradient with zeros."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.nll_loss import nll_loss_backward, nll_loss_forward

# N, C, D
SHAPES = [(64, 10, 1), (256, 1000, 1), (8, 21, 128 * 128)]


def classes(N, C, D):
    return np.random.default_rng(0).integers(0, C, (N, D))


def forward_numpy(x, target, weight, y, norm, *rest):
    norm[0] = target.size
    y[0] = -np.take_along_axis(x, target[:, None], 1).mean()


def backward_numpy(dy, target, weight, norm, dx, ignore_index):
    dx[...] = 0
    np.put_along_axis(dx, target[:, None], -dy[0] / norm[0], 1)


BENCHES = [
    Bench(
        nll_loss_forward,
        SHAPES,
        small=(64, 10, 1),
        arguments=lambda *s: (randn(*s), classes(*s), None, out(1), out(1), -100, 1),
        numpy=forward_numpy,
        bytes=lambda N, C, D: 12 * N * D,
    ),
    Bench(
        nll_loss_backward,
        SHAPES,
        small=(64, 10, 1),
        arguments=lambda *s: (np.ones(1, np.float32), classes(*s), None, np.ones(1, np.float32), out(*s), -100),
        numpy=backward_numpy,
        bytes=lambda N, C, D: 4 * N * C * D + 8 * N * D,
    ),
]
