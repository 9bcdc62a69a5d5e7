"""conv3d_winograd_stride: the convolution of volumes of stride 2 along rows and columns with fewer multiplications, for
filters of T x 3 x 3, T x 4 x 4 and T x 7 x 7.

The result is conv3d's. Along rows and columns it is made as in conv2d_winograd_stride.py; depth taps are like channels
there, as in conv3d_winograd.py, whatever the stride along the depth. The gradient of the input is made for each residue
of that stride by itself, with the depth taps that meet it.

Source    Lavin, Gray, "Fast algorithms for convolutional neural networks", arXiv:1509.09308 (2015)
"""

from __future__ import annotations

import numpy as np

from .._compiled import remembered
from ..op import kernel
from .conv2d_winograd_stride import WAYS, suits_stride, suits_stride_gradient, suits_stride_weight
from .conv3d_winograd import as_images, draw_case

Sizes = tuple[int, ...]


def padded_volumes(x, dw, dy, stride, padding):
    """x with zeros around every volume, as far as the taps reach: (padded volumes, where x is in them)."""
    size = [(dy[2 + k] - 1) * stride[k] + dw[2 + k] for k in range(3)]
    padded = np.zeros((*x[:2], *(max(size[k], x[2 + k] + padding[2 * k]) for k in range(3))))
    return padded, (..., *(slice(padding[2 * k], padding[2 * k] + x[2 + k]) for k in range(3)))


@kernel(writes="y")
def conv3d_winograd_stride(x, w, b, y, stride, padding):
    padded, inside = padded_volumes(x.shape, w.shape, y.shape, stride, padding)
    padded[inside] = x
    for n, o, z, i, j in np.ndindex(y.shape):
        y[n, o, z, i, j] = 0.0 if b is None else b[o]
        for c, t, u, v in np.ndindex(w.shape[1:]):
            y[n, o, z, i, j] += w[o, c, t, u, v] * padded[n, c, z * stride[0] + t, 2 * i + u, 2 * j + v]


@kernel(writes="dx")
def conv3d_winograd_stride_gradient(dy, w, dx, stride, padding):
    padded, inside = padded_volumes(dx.shape, w.shape, dy.shape, stride, padding)
    for n, o, z, i, j in np.ndindex(dy.shape):
        for c, t, u, v in np.ndindex(w.shape[1:]):
            padded[n, c, z * stride[0] + t, 2 * i + u, 2 * j + v] += w[o, c, t, u, v] * dy[n, o, z, i, j]
    dx[...] = padded[inside]


@kernel(writes="dw, db")
def conv3d_winograd_stride_weight(dy, x, dw, db, stride, padding):
    padded, inside = padded_volumes(x.shape, dw.shape, dy.shape, stride, padding)
    padded[inside] = x
    for o, c, t, u, v in np.ndindex(dw.shape):
        dw[o, c, t, u, v] = 0.0
        for n, z, i, j in np.ndindex(len(dy), *dy.shape[2:]):
            dw[o, c, t, u, v] += dy[n, o, z, i, j] * padded[n, c, z * stride[0] + t, 2 * i + u, 2 * j + v]
    if db is not None:
        for o in range(len(db)):
            db[o] = sum(dy[n, o, z, i, j] for n, z, i, j in np.ndindex(len(dy), *dy.shape[2:]))


def draw_stride(draw):
    """draw_case with the results of some stride, and the settings."""
    case = draw_case(draw, draw.choice(3, 3, 4, 7))
    stride = (draw.integer(1, 3), 2, 2)
    size = [(length - 1) // step + 1 for length, step in zip(case["y"][2:], stride, strict=True)]
    return case | {"y": (*case["y"][:2], *size)}, {"stride": stride, "padding": case["padding"]}


@conv3d_winograd_stride.samples
def _(draw):
    case, settings = draw_stride(draw)
    b, y = draw.choice(None, draw.array(case["w"][:1])), draw.out(case["y"])
    return {"x": draw.array(case["x"]), "w": np.ascontiguousarray(draw.array(case["w"])), "b": b, "y": y} | settings


@conv3d_winograd_stride_gradient.samples
def _(draw):
    case, settings = draw_stride(draw)
    # Finite weights, as for conv3d_input_gradient.
    w = draw.array(case["w"], finite=True)
    return {"dy": draw.array(case["y"]), "w": w, "dx": draw.out(case["x"])} | settings


@conv3d_winograd_stride_weight.samples
def _(draw):
    case, settings = draw_stride(draw)
    dw, db = np.ascontiguousarray(draw.out(case["w"])), draw.choice(None, draw.out(case["w"][:1]))
    return {"dy": draw.array(case["y"]), "x": draw.array(case["x"]), "dw": dw, "db": db} | settings


def has_stride(w: Sizes, itemsize: int, stride: Sizes) -> bool:
    """Whether filters of shape w are such ones."""
    return itemsize == 4 and stride[1:] == (2, 2) and w[3] == w[4] and w[3] in WAYS


@remembered
def suits_volumes(w: Sizes, y: Sizes) -> bool:
    """Whether conv3d uses it for filters of shape w and results of shape y."""
    return suits_stride(*as_images(w, y))


@remembered
def suits_volumes_gradient(w: Sizes, x: Sizes, y: Sizes, stride: int) -> bool:
    """The same for the gradient of the input, of shape x, with this stride along the depth."""
    # A slice of x is made of every stride-th depth tap.
    filters = w[0] * -(-w[2] // stride), *w[1:2], *w[3:]
    slices = x[0] * x[2]
    return suits_stride_gradient(filters, (slices, *x[1:2], *x[3:]), (slices, *y[1:2], *y[3:]))


@remembered
def suits_volumes_weight(w: Sizes, y: Sizes) -> bool:
    """The same for the gradient of the filters."""
    return suits_stride_weight(*as_images(w, y))
