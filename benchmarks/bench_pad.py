"""pad: maps with a border of one pixel, of zeros and mirrored, and the way back."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.pad import pad_backward, pad_forward

FRONT = (0, 1, 1)


def wide(shape):
    return (shape[0], 1, shape[1] + 2, shape[2] + 2)


BENCHES = [
    Bench(
        pad_forward,
        [(512, 28, 28, 0), (512, 28, 28, 1), (64, 112, 112, 1)],
        small=(6, 7, 7, 1),
        arguments=lambda *s: (randn(s[0], 1, *s[1:3]), np.zeros((), np.float32), FRONT, s[3], out(*wide(s))),
        bytes=lambda *s: 4 * (np.prod(s[:3]) + np.prod(wide(s))),
    ),
    Bench(
        pad_backward,
        [(512, 28, 28, 1), (64, 112, 112, 1)],
        small=(6, 7, 7, 1),
        arguments=lambda *s: (randn(*wide(s)), FRONT, s[3], out(s[0], 1, *s[1:3])),
        bytes=lambda *s: 4 * (np.prod(s[:3]) + np.prod(wide(s))),
    ),
]
