"""unfold: the 3x3 windows of a small image, of many channels, and those of a patch embedding."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.unfold import unfold_backward, unfold_forward

# N, C, H, W, window, stride, padding
SHAPES = [(1, 3, 32, 32, 3, 1, 1), (16, 64, 28, 28, 3, 1, 1), (8, 3, 224, 224, 16, 16, 0)]
SMALL = (1, 1, 8, 8, 3, 1, 1)


def columns_shape(N, C, H, W, k, stride, padding):
    return N, C, k, k, (H + 2 * padding - k) // stride + 1, (W + 2 * padding - k) // stride + 1


def sizes(*s):
    return int(np.prod(s[:4])) + int(np.prod(columns_shape(*s)))


def settings(*s):
    return (s[5],) * 2, (s[6],) * 2, (1, 1)


def forward_numpy(x, y, stride, padding, dilation):
    (p, _), (s, _), U, V = padding, stride, *y.shape[2:4]
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (0, 0), (p, p), (p, p))), (U, V), (2, 3))
    y[...] = windows[:, :, ::s, ::s].transpose(0, 1, 4, 5, 2, 3)


def backward_numpy(dy, dx, stride, padding, dilation):
    (p, _), (s, _), (U, V, rows, columns) = padding, stride, dy.shape[2:]
    padded = np.pad(np.zeros_like(dx), ((0, 0), (0, 0), (p, p), (p, p)))
    for u, v in np.ndindex(U, V):
        padded[:, :, u : u + rows * s : s, v : v + columns * s : s] += dy[:, :, u, v]
    dx[...] = padded[:, :, p : p + dx.shape[2], p : p + dx.shape[3]]


BENCHES = [
    Bench(
        unfold_forward,
        SHAPES,
        small=SMALL,
        arguments=lambda *s: (randn(*s[:4]), out(*columns_shape(*s)), *settings(*s)),
        numpy=forward_numpy,
        bytes=lambda *s: 4 * sizes(*s),
    ),
    Bench(
        unfold_backward,
        SHAPES,
        small=SMALL,
        arguments=lambda *s: (randn(*columns_shape(*s)), out(*s[:4]), *settings(*s)),
        numpy=backward_numpy,
        bytes=lambda *s: 4 * sizes(*s),
    ),
]
