"""conv2d_winograd: 3x3 and 5x5 convolutions with fewer multiplications, and the switch for them.

The results are conv2d's. A tile of 4x4 outputs of 3x3 filters and stride 1 is made with 36 multiplications for each
pair of channels instead of 144, one of 2x2 outputs with 16 instead of 36, and 4x4 outputs of 5x5 filters with 64
instead of 400:

    y = A' [ sum over c of (G w[o,c] G') * (B' x[n,c] B) ] A        * element by element

where x[n,c] is the square of 6x6 (4x4, 8x8) pixels under the tile, and A, B, G are fixed matrices
(csrc/conv2d/winograd_line.h). The gradient of the input is such a convolution as well; that of the weight is

    dw[o,c] = G' [ sum over n and tiles of  (A dy[n,o] A') * (B' x[n,c] B) ] G

with as many multiplications. Filters of stride 2 have a file of their own (conv2d_winograd_stride.py). Transforming and
back costs digits. Largest error in float32, of N(0,1) images and filters with 64 channels, relative to the largest
output; and the error's length relative to the outputs':

                direct      3x3, 2x2 tiles   3x3, 4x4 tiles   5x5, 4x4 tiles
    largest     3e-7        4e-7             2e-6             5e-6
    L2          2e-7        3e-7             8e-7             2.5e-6
    L2 of dw    2e-7                         1e-6             2.5e-6

So conv2d uses it for float32 only, where it is faster (winograd_cost.py), and not at all after
set_winograd(False) or with PYDL_WINOGRAD=0 in the environment. float64 is always computed directly. An image for which
not all results are finite is computed directly as well, so that NaN and infinities reach the outputs whose taps meet
them and no others.

Source    Winograd, "Arithmetic complexity of computations" (1980), chapter 4;
          Lavin, Gray, "Fast algorithms for convolutional neural networks", arXiv:1509.09308 (2015);
          Barabasz, Anderson, Soodhalter, Gregg, "Error analysis and improving the accuracy of Winograd convolution
          for deep neural networks", arXiv:1803.10986 (2018), for the choice of points
"""

from __future__ import annotations

import math
import os

import numpy as np

from .._compiled import remembered
from ..arguments import show
from ..op import kernel
from .winograd_cost import (
    MOST_TRANSFORMED,
    Way,
    WeightWay,
    direct,
    has_own_kernels,
    share_met,
    transformed,
    transformed_is_faster_for_weights,
    whole,
)

# Channels that a 5x5 filter may have: with more of them, rounding errors leave what 3x3 filters err.
MOST_CHANNELS_OF_FIVE = 256

# How much longer dilated parts take, which are slow to read and to write.
SLOWER_PARTS = 1.3

# The same of weight gradients, what copying a pixel takes, by vectors or one by one, and how long parts have to be: of
# a single tile, none are neighbours.
SLOWER_WEIGHTS, COPYING, COPYING_APART, SHORTEST_PART = 1.75, 20, 60, 8

_enabled: bool = os.environ.get("PYDL_WINOGRAD", "1") != "0"


def set_winograd(enabled: bool) -> None:
    """Whether convolutions may use Winograd's algorithm: it multiplies less and errs some 4 times as much, with 5x5
    filters some 12 times.

    At first it may, unless the environment has PYDL_WINOGRAD=0. An operation decides when it is called, for its
    gradient too.
    """
    if not isinstance(enabled, bool | np.bool_):
        raise TypeError(f"set_winograd: enabled must be True or False, not {show(enabled)}")
    global _enabled
    _enabled = bool(enabled)


def get_winograd() -> bool:
    """Whether convolutions may use Winograd's algorithm."""
    return _enabled


@kernel(writes="y")
def conv2d_winograd(x, w, b, y, padding, dilation, groups, tile):
    filters, C = w.shape[:2]
    top, _, left, _ = padding
    reach = w.shape[2] - 1
    padded = np.zeros((*x.shape[:2], y.shape[2] + reach * dilation[0], y.shape[3] + reach * dilation[1]))
    for n, c, h, v in np.ndindex(x.shape):
        padded[n, c, h + top, v + left] = x[n, c, h, v]
    for n, o, i, j in np.ndindex(y.shape):
        first = o // (filters // groups) * C
        total = 0.0 if b is None else b[o]
        for c, u, v in np.ndindex(w.shape[1:]):
            total += w[o, c, u, v] * padded[n, first + c, i + u * dilation[0], j + v * dilation[1]]
        y[n, o, i, j] = total


def draw_case(draw, taps=3, dilation=(1, 1), groups=1):
    """Sizes that differ in every dimension: a dictionary of x's, w's and y's shapes and the padding."""
    batch, channels, filters = draw.integer(0, 3), draw.integer(1, 4), draw.choice(1, 3, 17)
    padding = tuple(draw.integer(0, taps) for _ in range(4))
    zeros, reach = [sum(padding[:2]), sum(padding[2:])], [(taps - 1) * each for each in dilation]
    size = [draw.integer(max(1, reach[axis] + 1 - zeros[axis]), max(11, reach[axis] + 2)) for axis in range(2)]
    output = [size[axis] + zeros[axis] - reach[axis] for axis in range(2)]
    x, w = (batch, groups * channels, *size), (groups * filters, channels, taps, taps)
    y = (batch, groups * filters, *output)
    return {"x": x, "w": w, "y": y, "padding": padding}


@conv2d_winograd.samples
def _(draw):
    dilation, groups = (draw.choice(1, 1, 2, 3), draw.choice(1, 1, 2, 3)), draw.choice(1, 1, 2)
    taps, tile = draw.choice((3, 2), (3, 4), (5, 4))
    case = draw_case(draw, taps, dilation, groups)
    b, y = draw.choice(None, draw.array(case["w"][:1])), draw.out(case["y"])
    settings = {"padding": case["padding"], "dilation": dilation, "groups": groups, "tile": tile}
    return {"x": draw.array(case["x"]), "w": draw.array(case["w"]), "b": b, "y": y} | settings


@kernel(writes="dw, db")
def conv2d_winograd_weight(dy, x, dw, db, padding, dilation):
    top, _, left, _ = padding
    reach = dw.shape[2] - 1
    padded = np.zeros((*x.shape[:2], dy.shape[2] + reach * dilation[0], dy.shape[3] + reach * dilation[1]))
    for n, c, h, v in np.ndindex(x.shape):
        padded[n, c, h + top, v + left] = x[n, c, h, v]
    for o, c, u, v in np.ndindex(dw.shape):
        total = 0.0
        for n, i, j in np.ndindex(len(dy), *dy.shape[2:]):
            total += dy[n, o, i, j] * padded[n, c, i + u * dilation[0], j + v * dilation[1]]
        dw[o, c, u, v] = total
    if db is not None:
        for o in range(len(db)):
            db[o] = sum(dy[n, o, i, j] for n, i, j in np.ndindex(len(dy), *dy.shape[2:]))


@conv2d_winograd_weight.samples
def _(draw):
    dilation = draw.choice(1, 1, 2, 3), draw.choice(1, 1, 2, 3)
    case = draw_case(draw, draw.choice(3, 5), dilation)
    dw, db = draw.out(case["w"]), draw.choice(None, draw.out(case["w"][:1]))
    settings = {"padding": case["padding"], "dilation": dilation}
    return {"dy": draw.array(case["y"]), "x": draw.array(case["x"]), "dw": dw, "db": db} | settings


Shape = tuple[int, ...]


@remembered
def is_plain(w: Shape, itemsize: int, stride: Shape) -> bool:
    """Whether filters of shape w with the stride are what this file is for."""
    return itemsize == 4 and stride == (1, 1) and w[2:] in ((3, 3), (5, 5))


# By taps and tile.
WAYS = {
    3: {2: Way(16, 12, 9, 9, 19, 0.9), 4: Way(36, 11, 13, 4, 8.5, 0.9)},
    5: {4: Way(64, 7.5, 12, 18, 22, 1)},
}
WEIGHT_WAYS = {3: WeightWay(36, 15, 11, 23, 1.4, 3), 5: WeightWay(64, 18, 6, 22, 1.4, 3)}

# Channels that a weight gradient has at least, unless it has more filters than a vector: with those as lanes its sums
# are so few that each waits for the one before; the direct ones have pixels as lanes (csrc/conv2d/weight_pixels.h).
FEW_CHANNELS, FEW_FILTERS = 4, 16


@remembered
def winograd_tile(w: Shape, y: Shape, dilation: Shape = (1, 1), groups: int = 1, source: Shape | None = None) -> int:
    """The tile that conv2d uses for plain filters of shape w and results of shape y: 4 or 2, or 0 for the direct sum.

    source: what is convolved, of a gradient.
    """
    if w[2] == 5 and w[1] > MOST_CHANNELS_OF_FIVE:
        return 0
    return fastest_tile(WAYS[w[2]], w, y, dilation, groups, source)


def fastest_tile(
    ways: dict[int, Way], w: Shape, y: Shape, dilation: Shape, groups: int, source: Shape | None = None
) -> int:
    """That of the cheapest of some ways, or 0."""
    filters, channels, parts = w[0] // groups, w[1], math.prod(dilation)
    if has_own_kernels(groups, channels, filters):
        return 0
    way, pixels = next(iter(ways.values())), y[0] * y[2] * y[3]
    scattered = source[0] * source[2] * source[3] if source else None
    best, least = 0, direct(way, w[2] * w[3], pixels, channels, filters, source is not None, groups, scattered)
    if parts > 1:
        for taps, size, d in zip(w[2:], y[2:], dilation, strict=True):
            least *= share_met(taps, size, size, dilation=d)
    for tile, way in ways.items():
        # Dilated taps take every d-th row and column: each such part of the maps is a convolution of its own.
        height, width = (-(-size // (d * tile)) for size, d in zip(y[2:], dilation, strict=True))
        tiles = height * width
        if w[2] == 5 and parts == 1 and source and (source[2] + 4, source[3] + 4) == y[2:]:
            tiles = min(tiles, -(-source[2] // 4) * -(-source[3] // 4))  # csrc/conv2d/winograd_overlap.h
        cost = transformed(way, parts * whole(y[0] * tiles), channels, filters)
        if parts > 1:
            cost *= SLOWER_PARTS
        if cost < least and way.numbers * math.prod(w[:2]) <= MOST_TRANSFORMED:
            best, least = tile, cost
    return best


@remembered
def winograd_suits_weight(w: Shape, y: Shape, dilation: Shape = (1, 1)) -> bool:
    """Whether conv2d uses it for the gradient of plain filters."""
    if w[1] < FEW_CHANNELS and w[0] <= FEW_FILTERS:
        return False
    way, parts, pixels = WEIGHT_WAYS[w[2]], math.prod(dilation), y[0] * y[2] * y[3]
    height, width = (-(-size // (d * 4)) for size, d in zip(y[2:], dilation, strict=True))
    if parts > 1:
        if min(size // d for size, d in zip(y[2:], dilation, strict=True)) < SHORTEST_PART:
            return False
        way = way._replace(direct=way.direct / SLOWER_WEIGHTS)
    turning = 0 if parts == 1 else COPYING if dilation[1] in (1, 2, 4) else COPYING_APART
    tiles = y[0] * parts * height * width
    return transformed_is_faster_for_weights(way, w[2] * w[3], tiles, pixels, w[1], w[0], turning)
