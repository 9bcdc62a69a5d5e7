"""conv3d: layers of a network for short films: the first one, 3x3x3, 1x1x1, with stride."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.conv3d import conv3d_forward, conv3d_input_gradient, conv3d_weight_gradient

# N, C, D, H, O, U (filter size), stride, padding
SHAPES = [
    (2, 3, 16, 56, 64, 3, 1, 1),
    (2, 64, 8, 28, 64, 3, 1, 1),
    (2, 64, 8, 28, 128, 3, 2, 1),
    (2, 128, 4, 14, 256, 1, 1, 0),
]
SMALL = (1, 1, 3, 5, 2, 3, 1, 1)


def size_out(size, U, stride, padding):
    return (size + 2 * padding - U) // stride + 1


def arrays(N, C, D, H, O, U, stride, padding):  # noqa: E741
    sizes = [size_out(size, U, stride, padding) for size in (D, H, H)]
    settings = ((stride,) * 3, (padding,) * 6, (1, 1, 1), 1)
    return (N, C, D, H, H), (O, C, U, U, U), (N, O, *sizes), settings


def flops(N, C, D, H, O, U, stride, padding):  # noqa: E741
    y = arrays(N, C, D, H, O, U, stride, padding)[2]
    return 2 * int(np.prod(y)) * C * U**3


def forward_arguments(*shape):
    x, w, y, settings = arrays(*shape)
    return randn(*x), randn(*w), randn(w[0]), out(*y), *settings


def input_gradient_arguments(*shape):
    x, w, y, settings = arrays(*shape)
    return randn(*y), randn(*w), out(*x), *settings


def weight_gradient_arguments(*shape):
    x, w, y, settings = arrays(*shape)
    return randn(*y), randn(*x), out(*w), out(w[0]), *settings


def windows(x, taps, stride, padding):
    """All patches as a view (N, C, Z, I, J, T, U, V) of the padded volume."""
    padded = np.pad(x, ((0, 0), (0, 0), *((padding[2 * k], padding[2 * k + 1]) for k in range(3))))
    view = np.lib.stride_tricks.sliding_window_view(padded, taps, (2, 3, 4))
    return view[:, :, :: stride[0], :: stride[1], :: stride[2]]


def forward_numpy(x, w, b, y, stride, padding, dilation, groups):
    patches = windows(x, w.shape[2:], stride, padding)
    y[...] = np.tensordot(patches, w, ((1, 5, 6, 7), (1, 2, 3, 4))).transpose(0, 4, 1, 2, 3) + b[:, None, None, None]


def input_gradient_numpy(dy, w, dx, stride, padding, dilation, groups):
    padded = np.zeros((*dx.shape[:2], *(size + 2 * padding[0] for size in dx.shape[2:])), dx.dtype)
    for tap in np.ndindex(w.shape[2:]):
        places = tuple(slice(t, t + s * n, s) for t, s, n in zip(tap, stride, dy.shape[2:], strict=True))
        share = np.tensordot(dy, w[:, :, *tap], ((1,), (0,))).transpose(0, 4, 1, 2, 3)
        padded[(..., *places)] += share
    dx[...] = padded[(..., *(slice(padding[0], padding[0] + size) for size in dx.shape[2:]))]


def weight_gradient_numpy(dy, x, dw, db, stride, padding, dilation, groups):
    dw[...] = np.tensordot(dy, windows(x, dw.shape[2:], stride, padding), ((0, 2, 3, 4), (0, 2, 3, 4)))
    db[...] = dy.sum((0, 2, 3, 4))


BENCHES = [
    Bench(kernel, SHAPES, small=SMALL, arguments=arguments, numpy=numpy, flops=flops)
    for kernel, arguments, numpy in (
        (conv3d_forward, forward_arguments, forward_numpy),
        (conv3d_input_gradient, input_gradient_arguments, input_gradient_numpy),
        (conv3d_weight_gradient, weight_gradient_arguments, weight_gradient_numpy),
    )
]
