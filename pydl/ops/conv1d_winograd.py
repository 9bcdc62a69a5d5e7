"""conv1d_winograd: convolutions of 3 or 5 taps along one axis and stride 1 with fewer multiplications.

The results are conv1d's, for every row of images (N, C, H, L) by itself: sequences are images of one row, and filters
of one column become such a row if the axes are exchanged. Four neighbouring outputs are made with 6 multiplications
for each pair of channels instead of 12 (3 taps) and with 8 instead of 20 (5 taps), as the lines of conv2d_winograd.py's
tiles are. The gradient of the input is such a convolution as well; that of the weight takes as many. Errors as in
conv2d_winograd.py:

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
    padded = np.zeros((*x.shape[:3], x.shape[3] + sum(padding)))
    for n, c, h, l in np.ndindex(x.shape):  # noqa: E741
        padded[n, c, h, l + padding[0]] = x[n, c, h, l]
    return padded


@kernel(writes="y")
def conv1d_winograd(x, w, b, y, padding, groups):
    filters, C, _, taps = w.shape
    padded = pad(x, padding)
    for n, o, h, i in np.ndindex(y.shape):
        first = o // (filters // groups) * C
        total = 0.0 if b is None else b[o]
        for c, u in np.ndindex(C, taps):
            total += w[o, c, 0, u] * padded[n, first + c, h, i + u]
        y[n, o, h, i] = total


@kernel(writes="dw, db")
def conv1d_winograd_weight(dy, x, dw, db, padding):
    padded = pad(x, padding)
    for o, c, _, u in np.ndindex(dw.shape):
        total = 0.0
        for n, h, i in np.ndindex(len(dy), *dy.shape[2:]):
            total += dy[n, o, h, i] * padded[n, c, h, i + u]
        dw[o, c, 0, u] = total
    if db is not None:
        for o in range(len(db)):
            db[o] = sum(dy[n, o, h, i] for n, h, i in np.ndindex(len(dy), *dy.shape[2:]))


def draw_rows(draw, groups):
    """x's, w's and y's shapes and the padding."""
    batch, channels, filters, taps = draw.integer(0, 3), draw.integer(1, 4), draw.choice(1, 3, 17), draw.choice(3, 5)
    rows, padding = draw.choice(1, 1, 2, 3), (draw.integer(0, taps), draw.integer(0, taps))
    length = draw.integer(max(1, taps - sum(padding)), 40 // rows)
    x, w = (batch, groups * channels, rows, length), (groups * filters, channels, 1, taps)
    return x, w, (batch, groups * filters, rows, length + sum(padding) - taps + 1), padding


@conv1d_winograd.samples
def _(draw):
    groups = draw.choice(1, 1, 2)
    x, w, y, padding = draw_rows(draw, groups)
    b = draw.choice(None, draw.array(w[:1]))
    return {
        "x": draw.array(x), "w": draw.array(w), "b": b, "y": draw.out(y), "padding": padding, "groups": groups
    }  # fmt: skip


@conv1d_winograd_weight.samples
def _(draw):
    x, w, y, padding = draw_rows(draw, 1)
    dw, db = draw.out(w), draw.choice(None, draw.out(w[:1]))
    return {"dy": draw.array(y), "x": draw.array(x), "dw": dw, "db": db, "padding": padding}


Shape = tuple[int, ...]

# By taps.
WAYS = {3: Way(6, 20, 13, 8, 33, 1), 5: Way(8, 23, 13, 14, 22, 1)}
WEIGHT_WAYS = {3: WeightWay(6, 19, 80, 110, 1.4, 3), 5: WeightWay(8, 30, 100, 100, 1.5, 4)}


# What it takes to turn a number, where rows were columns; and where those read and written are more than the caches
# hold together with their copies.
TURNING, FAR_TURNING, MOST_NEAR = 28, 60, 2 * 10**6


@remembered
def suits_rows(w: Shape, y: Shape, groups: int = 1, is_gradient: bool = False, turned: bool = False) -> bool:
    """Whether it is used for filters of shape w, stride 1 and results of shape y."""
    filters, rows, way = w[0] // groups, y[0] * y[2], WAYS[w[3]]
    sums = direct(way, w[3], rows * y[3], w[1], filters, is_gradient, groups)
    numbers = (w[1] * groups + w[0]) * rows * y[3] if turned else 0
    turns = (TURNING if numbers < MOST_NEAR else FAR_TURNING) * numbers // groups
    return transformed(way, rows * -(-y[3] // 4), w[1], filters) + turns < sums


@remembered
def suits_rows_weight(w: Shape, y: Shape, turned: bool = False) -> bool:
    """The same for the gradient of the filters. A row is transformed as a whole, which must not be too long."""
    tiles, pixels = y[0] * y[2] * -(-y[3] // 4), y[0] * y[2] * y[3]
    way, turning = WEIGHT_WAYS[w[3]], TURNING if turned else 0
    return y[3] <= 2**14 and transformed_is_faster_for_weights(way, w[3], tiles, pixels, w[1], w[0], turning)
