"""conv3d_winograd: the convolution of volumes with fewer multiplications, for filters of T x 3 x 3 and T x 5 x 5 and,
with stride 2 along rows and columns, of T x 3 x 3, T x 4 x 4 and T x 7 x 7.

The result is conv3d's. Along rows and columns it is made as in conv2d_winograd.py or conv2d_winograd_stride.py; depth
taps are like channels there, whose products are added up before they are transformed back, so that the stride along the
depth may be any:

    y = A' [ sum over c, t of (G w[o,c,t] G') * (B' x[n,c,z*stride+t] B) ] A        * element by element

So the gain and the loss in digits are the same as of a convolution of images with T times the channels, and the same
switch decides (set_winograd). The gradient of the input is such a convolution as well; with a stride it is made for
each residue of the depth by itself, with the depth taps that meet it. That of the weight is

    dw[o,c,t] = G' [ sum over n, z and tiles of  (A dy[n,o,z] A') * (B' x[n,c,z*stride+t] B) ] G

Source    Lavin, Gray, "Fast algorithms for convolutional neural networks", arXiv:1509.09308 (2015)
"""

from __future__ import annotations

import numpy as np

from .._compiled import remembered
from ..op import kernel
from .conv2d_winograd import fastest_tile, is_plain, winograd_suits_weight
from .conv2d_winograd_stride import WAYS as STRIDE_WAYS
from .conv2d_winograd_stride import suits_stride, suits_stride_gradient, suits_stride_weight
from .winograd_cost import Way

Shape = tuple[int, ...]


def padded_volumes(x, w, y, stride, padding):
    """x with zeros around every volume, as far as the taps reach: (padded volumes, where x is in them)."""
    size = [max((y[2 + k] - 1) * stride[k] + w[2 + k], x[2 + k] + padding[2 * k]) for k in range(3)]
    inside = (..., *(slice(padding[2 * k], padding[2 * k] + x[2 + k]) for k in range(3)))
    return np.zeros((*x[:2], *size)), inside


@kernel(writes="y")
def conv3d_winograd(x, w, b, y, stride, padding, tile):
    padded, inside = padded_volumes(x.shape, w.shape, y.shape, stride, padding)
    padded[inside] = x
    for n, o, *zij in np.ndindex(y.shape):
        d, h, v = (place * step for place, step in zip(zij, stride, strict=True))
        y[n, o, *zij] = 0.0 if b is None else b[o]
        for c, t, i, j in np.ndindex(w.shape[1:]):
            y[n, o, *zij] += w[o, c, t, i, j] * padded[n, c, d + t, h + i, v + j]


@kernel(writes="dx")
def conv3d_winograd_gradient(dy, w, b, dx, stride, padding):
    padded, inside = padded_volumes(dx.shape, w.shape, dy.shape, stride, padding)
    for n, o, *zij in np.ndindex(dy.shape):
        d, h, v = (place * step for place, step in zip(zij, stride, strict=True))
        for c, t, i, j in np.ndindex(w.shape[1:]):
            padded[n, c, d + t, h + i, v + j] += w[o, c, t, i, j] * dy[n, o, *zij]
    dx[...] = padded[inside] if b is None else padded[inside] + b[:, None, None, None]


@kernel(writes="dw, db")
def conv3d_winograd_weight(dy, x, dw, db, stride, padding):
    padded, inside = padded_volumes(x.shape, dw.shape, dy.shape, stride, padding)
    padded[inside] = x
    dw[...] = 0.0
    for n, o, *zij in np.ndindex(dy.shape):
        d, h, v = (place * step for place, step in zip(zij, stride, strict=True))
        for c, t, i, j in np.ndindex(dw.shape[1:]):
            dw[o, c, t, i, j] += dy[n, o, *zij] * padded[n, c, d + t, h + i, v + j]
    if db is not None:
        for o in range(len(db)):
            db[o] = sum(dy[n, o, *zij] for n, *zij in np.ndindex(len(dy), *dy.shape[2:]))


def draw_case(draw, step):
    """Sizes that differ in every dimension: x's, w's and y's shapes, and the settings. step: along rows and columns."""
    batch, channels, filters, depth = draw.integer(0, 2), draw.integer(1, 3), draw.choice(1, 3, 17), draw.integer(1, 3)
    side = draw.choice(3, 3, 5) if step == 1 else draw.choice(3, 3, 4, 7)
    taps, padding = (depth, side, side), tuple(draw.integer(0, 2) for _ in range(6))
    around = [sum(padding[2 * axis :][:2]) for axis in range(3)]
    span = [
        draw.integer(max(1, 2 + zeros - k), 7 - axis) for axis, (zeros, k) in enumerate(zip(around, taps, strict=True))
    ]
    size = [span[axis] + taps[axis] - 1 - around[axis] for axis in range(3)]
    stride = (draw.choice(1, 1, 2, 3), step, step)
    output = [(length - 1) // each + 1 for length, each in zip(span, stride, strict=True)]
    shapes = {
        "x": (batch, channels, *size),
        "w": (filters, channels, *taps),
        "y": (batch, filters, *output),
    }
    return shapes, {"stride": stride, "padding": padding}


@conv3d_winograd.samples
def _(draw):
    case, settings = draw_case(draw, draw.choice(1, 2))
    b, y = draw.choice(None, draw.array(case["w"][:1])), draw.out(case["y"])
    tile = draw.choice(2, 4) if case["w"][3] == 3 and settings["stride"][1] == 1 else 4
    return {"x": draw.array(case["x"]), "w": draw.array(case["w"]), "b": b, "y": y} | settings | {"tile": tile}


@conv3d_winograd_gradient.samples
def _(draw):
    case, settings = draw_case(draw, 2)
    # Finite weights, as for conv3d_input_gradient.
    w = draw.array(case["w"], finite=True)
    b = draw.choice(None, draw.array(case["x"][1:2]))
    return {"dy": draw.array(case["y"]), "w": w, "b": b, "dx": draw.out(case["x"])} | settings


@conv3d_winograd_weight.samples
def _(draw):
    case, settings = draw_case(draw, draw.choice(1, 2))
    dw, db = np.ascontiguousarray(draw.out(case["w"])), draw.choice(None, draw.out(case["w"][:1]))
    return {"dy": draw.array(case["y"]), "x": draw.array(case["x"]), "dw": dw, "db": db} | settings


def as_images(w: Shape, y: Shape) -> tuple[Shape, Shape]:
    """The shapes of filters and results if depth taps are channels and slices are images."""
    return (w[0], w[1] * w[2], *w[3:]), (y[0] * y[2], y[1], *y[3:])


# By taps and tile: the direct sums of volumes are slower.
WAYS = {3: {2: Way(16, 3, 36, 3, 2, 2.3), 4: Way(36, 0.2, 31, 7, 8, 2.3)}, 5: {4: Way(64, 7.5, 12, 8, 20, 1.2)}}


def is_known(w: Shape, itemsize: int, stride: Shape) -> bool:
    """Whether filters of shape w are such ones."""
    if stride[1:] == (2, 2):
        return itemsize == 4 and w[3] == w[4] and w[3] in STRIDE_WAYS
    return is_plain(w[1:], itemsize, stride[1:])


@remembered
def volume_tile(w: Shape, y: Shape, step: int = 1) -> int:
    """The tile that conv3d uses for filters of shape w and results of shape y: 4 or 2, or 0 for the direct sum."""
    filters, slices = as_images(w, y)
    if step == 2:
        read = (*slices[:2], 2 * slices[2], 2 * slices[3])
        return 4 if suits_stride(filters, read, slices) else 0
    return fastest_tile(WAYS[w[3]], filters, slices, (1, 1), 1)


@remembered
def suits_gradient(w: Shape, x: Shape, y: Shape, stride: int) -> bool:
    """Whether conv3d uses it for the gradient of the input of shape x, with this stride along the depth and 2 along
    rows and columns.
    """
    # A slice of x is made of every stride-th depth tap.
    filters = w[0] * -(-w[2] // stride), w[1], *w[3:]
    slices = x[0] * x[2]
    return suits_stride_gradient(filters, (slices, x[1], *x[3:]), (slices, y[1], *y[3:]))


@remembered
def suits_weight(w: Shape, y: Shape, step: int = 1) -> bool:
    """Whether conv3d uses it for the gradient of filters of shape w."""
    return (suits_stride_weight if step == 2 else winograd_suits_weight)(*as_images(w, y))
