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


# Numbers of a transformed filter, by its taps.
NUMBERS = {3: 6, 5: 8}
Shape = tuple[int, ...]


def own_cost(taps: int, tiles: int, filters: int, channels: int, preparation: int) -> int:
    """Multiplications, and what takes as long as them: transformations, as much as 6 channels more on either side, and
    preparing the filters, as much as some tiles: twice that where they leave the second-level cache.
    """
    pairs = filters * channels
    tiles_of_filters = preparation if pairs <= 2**14 else 2 * preparation
    return NUMBERS[taps] * ((tiles + tiles_of_filters) * pairs + 6 * tiles * (filters + channels))


def direct_cost(w: Shape, y: Shape, filters: int) -> float:
    """Those of the direct sum, more where its lanes or tiles are not filled by filters."""
    return y[0] * y[2] * filters * w[1] * w[2] * max(1, 24 / filters)


@remembered
def suits_sequences(w: Shape, y: Shape, groups: int = 1) -> bool:
    """Whether conv1d uses it for filters of shape w, stride 1 and results of shape y.

    The limits here and below were measured with AVX-512 and AVX2, 3 to 512 channels and 8 to 2000 positions.
    """
    filters, tiles = w[0] // groups, -(-y[0] * -(-y[2] // 4) // 16) * 16
    own = own_cost(w[2], tiles, filters, w[1], 10)
    return min(filters, w[1]) >= 8 and own < 1.35 * direct_cost(w, y, filters)


@remembered
def suits_sequences_weight(w: Shape, y: Shape) -> bool:
    """The same for the gradient of the filters, whose products have channels as lanes. A sequence is transformed as a
    whole, which must not be too long.
    """
    tiles, lanes = y[0] * -(-y[2] // 4), -(-w[1] // 16) * 16
    own = own_cost(w[2], tiles, w[0], lanes, 40)
    return min(w[:2]) >= 3 and 4 <= y[2] <= 2**14 and tiles >= 16 and own < 1.2 * direct_cost(w, y, w[0])
