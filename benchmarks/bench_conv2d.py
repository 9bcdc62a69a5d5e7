"""conv2d: the two layers of the notes' network, and the kinds of layer that larger networks are made of."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.conv2d import conv2d_forward, conv2d_input_gradient, conv2d_weight_gradient

# N, C, H, O, U (filter size), stride, padding, groups
SHAPES = [
    (64, 1, 28, 20, 5, 1, 0, 1),
    (64, 20, 12, 40, 5, 1, 0, 1),
    (8, 64, 56, 64, 3, 1, 1, 1),
    (1, 64, 56, 64, 3, 1, 1, 1),
    (8, 512, 7, 512, 3, 1, 1, 1),
    (8, 256, 28, 64, 1, 1, 0, 1),
    (8, 256, 14, 256, 1, 1, 0, 1),
    (1, 512, 7, 2048, 1, 1, 0, 1),
    (4, 3, 224, 64, 7, 2, 3, 1),
    (8, 64, 56, 64, 3, 1, 1, 64),
]
SMALL = (1, 1, 8, 2, 5, 1, 0, 1)


def size_out(H, U, stride, padding):
    return (H + 2 * padding - U) // stride + 1


def flops(N, C, H, O, U, stride, padding, groups):  # noqa: E741
    return 2 * N * O * size_out(H, U, stride, padding) ** 2 * (C // groups) * U * U


def arrays(N, C, H, O, U, stride, padding, groups):  # noqa: E741
    size = size_out(H, U, stride, padding)
    settings = ((stride, stride), (padding,) * 4, (1, 1), groups)
    return (N, C, H, H), (O, C // groups, U, U), (N, O, size, size), settings


def forward_arguments(*shape):
    x, w, y, settings = arrays(*shape)
    return randn(*x), randn(*w), randn(w[0]), out(*y), *settings


def input_gradient_arguments(*shape):
    x, w, y, settings = arrays(*shape)
    return randn(*y), randn(*w), out(*x), *settings


def weight_gradient_arguments(*shape):
    x, w, y, settings = arrays(*shape)
    return randn(*y), randn(*x), out(*w), out(w[0]), *settings


def patches(x, w_shape, stride, padding, groups):
    """im2col: all patches as a view (N, groups, C/groups, U, V, I, J) of the padded image."""
    top, bottom, left, right = padding
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    view = np.lib.stride_tricks.sliding_window_view(padded, w_shape[2:], (2, 3))[:, :, :: stride[0], :: stride[1]]
    return view.transpose(0, 1, 4, 5, 2, 3).reshape(len(x), groups, w_shape[1] * w_shape[2] * w_shape[3], -1)


def forward_numpy(x, w, b, y, stride, padding, dilation, groups):
    filters = w.reshape(groups, w.shape[0] // groups, -1)
    y[...] = (filters @ patches(x, w.shape, stride, padding, groups)).reshape(y.shape) + b[:, None, None]


def input_gradient_numpy(dy, w, dx, stride, padding, dilation, groups):
    O, C, U, V = w.shape  # noqa: E741
    top, bottom, left, right = padding
    N, _, H, W = dx.shape
    slopes = w.reshape(groups, O // groups, -1).swapaxes(1, 2) @ dy.reshape(N, groups, O // groups, -1)
    slopes = slopes.reshape(N, groups * C, U, V, *dy.shape[2:])
    padded = np.zeros((N, groups * C, H + top + bottom, W + left + right), dx.dtype)
    for u in range(U):
        for v in range(V):
            rows = slice(u, u + stride[0] * dy.shape[2], stride[0])
            padded[:, :, rows, v : v + stride[1] * dy.shape[3] : stride[1]] += slopes[:, :, u, v]
    dx[...] = padded[:, :, top : top + H, left : left + W]


def weight_gradient_numpy(dy, x, dw, db, stride, padding, dilation, groups):
    columns = patches(x, dw.shape, stride, padding, groups)
    slopes = dy.reshape(len(x), groups, dw.shape[0] // groups, -1)
    dw[...] = (slopes @ columns.swapaxes(2, 3)).sum(0).reshape(dw.shape)
    db[...] = dy.sum((0, 2, 3))


BENCHES = [
    Bench(kernel, SHAPES, small=SMALL, arguments=arguments, numpy=numpy, flops=flops)
    for kernel, arguments, numpy in (
        (conv2d_forward, forward_arguments, forward_numpy),
        (conv2d_input_gradient, input_gradient_arguments, input_gradient_numpy),
        (conv2d_weight_gradient, weight_gradient_arguments, weight_gradient_numpy),
    )
]
