"""conv3d_winograd: the convolution of volumes of stride 1 with fewer multiplications, for filters of T x 3 x 3 and
T x 5 x 5.

The result is conv3d's. Along rows and columns it is made as in conv2d_winograd.py; depth taps are like channels there,
whose products are added up before they are transformed back:

    y = A' [ sum over c, t of (G w[o,c,t] G') * (B' x[n,c,z+t] B) ] A        * element by element

So the gain and the loss in digits are the same as of a convolution of images with T times the channels, and the same
switch decides (set_winograd). The gradient of the input is such a convolution as well, that of the weight is

    dw[o,c,t] = G' [ sum over n, z and tiles of  (A dy[n,o,z] A') * (B' x[n,c,z+t] B) ] G

Source    Lavin, Gray, "Fast algorithms for convolutional neural networks", arXiv:1509.09308 (2015)
"""

from __future__ import annotations

import numpy as np

from .._compiled import remembered
from ..op import kernel
from .conv2d_winograd import fastest_tile, winograd_suits_weight
from .winograd_cost import Way

Shape = tuple[int, ...]


def padded_volumes(x, padding):
    """x with zeros around every volume."""
    return np.pad(x, ((0, 0), (0, 0), *(padding[2 * axis :][:2] for axis in range(3))))


@kernel(writes="y")
def conv3d_winograd(x, w, b, y, padding, tile):
    padded = padded_volumes(x, padding)
    for n, o, z, i, j in np.ndindex(y.shape):
        y[n, o, z, i, j] = 0.0 if b is None else b[o]
        for c, t, u, v in np.ndindex(w.shape[1:]):
            y[n, o, z, i, j] += w[o, c, t, u, v] * padded[n, c, z + t, i + u, j + v]


@kernel(writes="dw, db")
def conv3d_winograd_weight(dy, x, dw, db, padding):
    padded = padded_volumes(x, padding)
    for o, c, t, u, v in np.ndindex(dw.shape):
        dw[o, c, t, u, v] = 0.0
        for n, z, i, j in np.ndindex(len(dy), *dy.shape[2:]):
            dw[o, c, t, u, v] += dy[n, o, z, i, j] * padded[n, c, z + t, i + u, j + v]
    if db is not None:
        for o in range(len(db)):
            db[o] = sum(dy[n, o, z, i, j] for n, z, i, j in np.ndindex(len(dy), *dy.shape[2:]))


def draw_case(draw, side):
    """Sizes that differ in every dimension: a dictionary of x's, w's and y's shapes and the padding."""
    batch, channels, filters, depth = draw.integer(0, 2), draw.integer(1, 3), draw.choice(1, 3, 17), draw.integer(1, 3)
    taps, padding = (depth, side, side), tuple(draw.integer(0, 2) for _ in range(6))
    around = [sum(padding[2 * axis :][:2]) for axis in range(3)]
    output = [
        draw.integer(max(1, 2 + zeros - k), 7 - axis) for axis, (zeros, k) in enumerate(zip(around, taps, strict=True))
    ]
    size = [output[axis] + taps[axis] - 1 - around[axis] for axis in range(3)]
    return {
        "x": (batch, channels, *size),
        "w": (filters, channels, *taps),
        "y": (batch, filters, *output),
        "padding": padding,
    }


@conv3d_winograd.samples
def _(draw):
    case = draw_case(draw, draw.choice(3, 3, 5))
    b, y = draw.choice(None, draw.array(case["w"][:1])), draw.out(case["y"])
    settings = {"padding": case["padding"], "tile": draw.choice(2, 4) if case["w"][3] == 3 else 4}
    return {"x": draw.array(case["x"]), "w": draw.array(case["w"]), "b": b, "y": y} | settings


@conv3d_winograd_weight.samples
def _(draw):
    case = draw_case(draw, draw.choice(3, 3, 5))
    dw, db = np.ascontiguousarray(draw.out(case["w"])), draw.choice(None, draw.out(case["w"][:1]))
    return {"dy": draw.array(case["y"]), "x": draw.array(case["x"]), "dw": dw, "db": db, "padding": case["padding"]}


def as_images(w: Shape, y: Shape) -> tuple[Shape, Shape]:
    """The shapes of filters and results if depth taps are channels and slices are images."""
    return (w[0], w[1] * w[2], *w[3:]), (y[0] * y[2], y[1], *y[3:])


# By taps and tile: the direct sums of volumes are slower.
WAYS = {3: {2: Way(16, 3, 36, 3, 2, 2.3), 4: Way(36, 0.2, 31, 7, 8, 2.3)}, 5: {4: Way(64, 7.5, 12, 8, 20, 1.2)}}


@remembered
def volume_tile(w: Shape, y: Shape) -> int:
    """The tile that conv3d uses for filters of shape w and results of shape y: 4 or 2, or 0 for the direct sum."""
    filters, slices = as_images(w, y)
    return fastest_tile(WAYS[w[3]], filters, slices, (1, 1), 1)


def suits_weight(w: Shape, y: Shape) -> bool:
    """Whether conv3d uses it for the gradient of filters of shape w."""
    return winograd_suits_weight(*as_images(w, y))
