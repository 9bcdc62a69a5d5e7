"""pad: maps with a border of one pixel, of zeros and mirrored, and the way back."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.pad import MODES, pad_backward, pad_forward

FRONT = (0, 1, 1)


def wide(shape):
    return (shape[0], 1, shape[1] + 2, shape[2] + 2)


def pad_numpy(x, value, front, mode, y):
    np.copyto(y, np.pad(x, [(0, 0), *((f, f) for f in front)], MODES[mode]))


def back_numpy(dy, front, mode, dx):
    places = np.empty(dy.shape, np.int64)
    pad_numpy(np.arange(dx.size).reshape(dx.shape), 0, front, mode, places)
    dx.fill(0)
    np.add.at(dx.reshape(-1), places, dy)


BENCHES = [
    Bench(
        pad_forward,
        [(512, 28, 28, 0), (512, 28, 28, 1), (64, 112, 112, 1)],
        small=(6, 7, 7, 1),
        arguments=lambda *s: (randn(s[0], 1, *s[1:3]), np.zeros((), np.float32), FRONT, s[3], out(*wide(s))),
        numpy=pad_numpy,
        bytes=lambda *s: 4 * (np.prod(s[:3]) + np.prod(wide(s))),
    ),
    Bench(
        pad_backward,
        [(512, 28, 28, 1), (64, 112, 112, 1)],
        small=(6, 7, 7, 1),
        arguments=lambda *s: (randn(*wide(s)), FRONT, s[3], out(s[0], 1, *s[1:3])),
        numpy=back_numpy,
        bytes=lambda *s: 4 * (np.prod(s[:3]) + np.prod(wide(s))),
    ),
]
