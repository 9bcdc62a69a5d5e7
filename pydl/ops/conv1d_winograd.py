"""conv1d_winograd: one-dimensional convolutions of 3 or 5 taps and stride 1 with fewer multiplications.

The results are conv1d's. Four neighbouring outputs are made with 6 multiplications for each pair of channels instead of
12 (3 taps) and with 8 instead of 20 (5 taps), as the lines of conv2d_winograd.py's tiles are. The gradient of the input
is such a convolution as well; that of the weight takes as many. Errors as in conv2d_winograd.py:

                3 taps      5 taps
    largest     7e-7        9e-7
    L2          4e-7        5e-7
    L2 of dw    7e-7        7e-7

The same switch decides, and images or filters for which not all results are finite are computed directly, too.
"""

from __future__ import annotations

import numpy as np

from .._compiled import remembered
from ..op import kernel
from .winograd_cost import Way, WeightWay, direct, transformed, transformed_is_faster_for_weights


def pad(x, padding):
    """x between zeros."""
    padded = np.zeros((*x.shape[:2], x.shape[2] + sum(padding)))
    for n, c, l in np.ndindex(x.shape):  # noqa: E741
        padded[n, c, l + padding[0]] = x[n, c, l]
    return padded


@kernel(writes="y")
def conv1d_winograd(x, w, b, y, padding, groups):
    filters, C, taps = w.shape
    padded = pad(x, padding)
    for n, o, i in np.ndindex(y.shape):
        first = o // (filters // groups) * C
        total = 0.0 if b is None else b[o]
        for c, u in np.ndindex(C, taps):
            total += w[o, c, u] * padded[n, first + c, i + u]
        y[n, o, i] = total


@kernel(writes="dw, db")
def conv1d_winograd_weight(dy, x, dw, db, padding):
    padded = pad(x, padding)
    for o, c, u in np.ndindex(dw.shape):
        total = 0.0
        for n, i in np.ndindex(len(dy), dy.shape[2]):
            total += dy[n, o, i] * padded[n, c, i + u]
        dw[o, c, u] = total
    if db is not None:
        for o in range(len(db)):
            db[o] = sum(dy[n, o, i] for n, i in np.ndindex(len(dy), dy.shape[2]))


def draw_sequences(draw, groups):
    """x's, w's and y's shapes and the padding."""
    batch, channels, filters, taps = draw.integer(0, 3), draw.integer(1, 4), draw.choice(1, 3, 17), draw.choice(3, 5)
    padding = draw.integer(0, taps), draw.integer(0, taps)
    length = draw.integer(max(1, taps - sum(padding)), 40)
    x, w = (batch, groups * channels, length), (groups * filters, channels, taps)
    return x, w, (batch, groups * filters, length + sum(padding) - taps + 1), padding


@conv1d_winograd.samples
def _(draw):
    groups = draw.choice(1, 1, 2)
    x, w, y, padding = draw_sequences(draw, groups)
    b = draw.choice(None, draw.array(w[:1]))
    return {
        "x": draw.array(x), "w": draw.array(w), "b": b, "y": draw.out(y), "padding": padding, "groups": groups
    }  # fmt: skip


@conv1d_winograd_weight.samples
def _(draw):
    x, w, y, padding = draw_sequences(draw, 1)
    dw, db = draw.out(w), draw.choice(None, draw.out(w[:1]))
    return {"dy": draw.array(y), "x": draw.array(x), "dw": dw, "db": db, "padding": padding}


Shape = tuple[int, ...]

# By taps.
WAYS = {3: Way(6, 20, 13, 8, 33, 1), 5: Way(8, 23, 13, 14, 22, 1)}
WEIGHT_WAYS = {3: WeightWay(6, 19, 49, 110, 1.4, 3), 5: WeightWay(8, 30, 33, 63, 1.5, 4)}


@remembered
def suits_sequences(w: Shape, y: Shape, groups: int = 1, is_gradient: bool = False) -> bool:
    """Whether conv1d uses it for filters of shape w, stride 1 and results of shape y."""
    filters, way = w[0] // groups, WAYS[w[2]]
    sums = direct(way, w[2], y[0] * y[2], w[1], filters, is_gradient, groups)
    return transformed(way, y[0] * -(-y[2] // 4), w[1], filters) < sums


@remembered
def suits_sequences_weight(w: Shape, y: Shape) -> bool:
    """The same for the gradient of the filters. A sequence is transformed as a whole, which must not be too long."""
    tiles, pixels = y[0] * -(-y[2] // 4), y[0] * y[2]
    return y[2] <= 2**14 and transformed_is_faster_for_weights(WEIGHT_WAYS[w[2]], w[2], tiles, pixels, w[1], w[0])
