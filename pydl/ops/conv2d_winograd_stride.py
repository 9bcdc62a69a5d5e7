"""conv2d_winograd_stride: convolutions of stride 2 with fewer multiplications, of filters 3x3, 4x4 and 7x7.

The results are conv2d's. Along a line, an output of stride 2 is a sum over neighbouring even pixels and one over odd
pixels, each of which is a convolution of stride 1 with half the taps (csrc/conv2d/winograd_stride.h):

    y[i] = (w[0] x[2 i] + w[2] x[2 i + 2] + ...) + (w[1] x[2 i + 1] + w[3] x[2 i + 3] + ...)

4x4 outputs take 81 multiplications for each pair of channels with 3x3 filters instead of 144, 100 with 4x4 instead of
256, and 196 with 7x7 instead of 784. With 3x3 and 4x4, the gradients of the input (8x8 of its numbers, from 4x4 of dy)
and of the filters take as many as y. A transposed convolution is such a gradient. Errors as in conv2d_winograd.py:

                3x3         4x4         7x7
    largest     2e-6        3e-6        4e-6
    L2          8e-7        2e-6        2e-6
    L2 of dw    6e-7        8e-7

For the gradients of 7x7 filters see conv2d_winograd_split.py. The same switch decides, and images or filters for which
not all results are finite are computed directly, too.
"""

from __future__ import annotations

import numpy as np

from .._compiled import remembered
from ..op import kernel
from .conv2d_winograd import draw_case
from .winograd_cost import (
    MOST_TRANSFORMED,
    Way,
    WeightWay,
    direct_stride,
    direct_stride_gradient,
    share_met,
    transformed,
    transformed_is_faster_for_weights,
)


@kernel(writes="y")
def conv2d_winograd_stride(x, w, b, y, stride, padding, groups):
    filters, C = w.shape[:2]
    top, _, left, _ = padding
    padded = np.zeros((*x.shape[:2], *(2 * size + w.shape[2] - 2 for size in y.shape[2:])))
    for n, c, h, v in np.ndindex(x.shape):
        if h + top < padded.shape[2] and v + left < padded.shape[3]:
            padded[n, c, h + top, v + left] = x[n, c, h, v]
    for n, o, i, j in np.ndindex(y.shape):
        first = o // (filters // groups) * C
        total = 0.0 if b is None else b[o]
        for c, u, v in np.ndindex(w.shape[1:]):
            total += w[o, c, u, v] * padded[n, first + c, 2 * i + u, 2 * j + v]
        y[n, o, i, j] = total


def draw_stride(draw, most_groups, *taps):
    """draw_case with the results of stride 2, and the groups."""
    groups = draw.choice(1, 1, most_groups)
    case = draw_case(draw, draw.choice(*taps), groups=groups)
    size = [(length - 1) // 2 + 1 for length in case["y"][2:]]
    return case | {"y": (*case["y"][:2], *size)}, {"stride": (2, 2), "padding": case["padding"], "groups": groups}


@conv2d_winograd_stride.samples
def _(draw):
    case, settings = draw_stride(draw, 2, 3, 4, 7)
    b, y = draw.choice(None, draw.array(case["w"][:1])), draw.out(case["y"])
    return {"x": draw.array(case["x"]), "w": draw.array(case["w"]), "b": b, "y": y} | settings


@kernel(writes="dx")
def conv2d_winograd_stride_gradient(dy, w, b, dx, stride, padding, groups):
    filters = len(w)
    top, _, left, _ = padding
    reached = [2 * size + w.shape[2] - 2 for size in dy.shape[2:]]
    padded = np.zeros((*dx.shape[:2], max(reached[0], dx.shape[2] + top), max(reached[1], dx.shape[3] + left)))
    for n, o, i, j in np.ndindex(dy.shape):
        first = o // (filters // groups) * w.shape[1]
        for c, u, v in np.ndindex(w.shape[1:]):
            padded[n, first + c, 2 * i + u, 2 * j + v] += w[o, c, u, v] * dy[n, o, i, j]
    for n, c, h, v in np.ndindex(dx.shape):
        dx[n, c, h, v] = padded[n, c, h + top, v + left] + (0.0 if b is None else b[c])


@conv2d_winograd_stride_gradient.samples
def _(draw):
    case, settings = draw_stride(draw, 2, 3, 4, 7)
    # Finite weights, as for conv2d_input_gradient.
    w, b = draw.array(case["w"], finite=True), draw.choice(None, draw.array((case["x"][1],)))
    return {"dy": draw.array(case["y"]), "w": w, "b": b, "dx": draw.out(case["x"])} | settings


@kernel(writes="dw, db")
def conv2d_winograd_stride_weight(dy, x, dw, db, stride, padding):
    top, _, left, _ = padding
    padded = np.zeros((*x.shape[:2], *(2 * size + dw.shape[2] - 2 for size in dy.shape[2:])))
    for n, c, h, v in np.ndindex(x.shape):
        if h + top < padded.shape[2] and v + left < padded.shape[3]:
            padded[n, c, h + top, v + left] = x[n, c, h, v]
    for o, c, u, v in np.ndindex(dw.shape):
        total = 0.0
        for n, i, j in np.ndindex(len(dy), *dy.shape[2:]):
            total += dy[n, o, i, j] * padded[n, c, 2 * i + u, 2 * j + v]
        dw[o, c, u, v] = total
    if db is not None:
        for o in range(len(db)):
            db[o] = sum(dy[n, o, i, j] for n, i, j in np.ndindex(len(dy), *dy.shape[2:]))


@conv2d_winograd_stride_weight.samples
def _(draw):
    case, settings = draw_stride(draw, 1, 3, 4)
    dw, db = draw.out(case["w"]), draw.choice(None, draw.out(case["w"][:1]))
    del settings["groups"]
    return {"dy": draw.array(case["y"]), "x": draw.array(case["x"]), "dw": dw, "db": db} | settings


Shape = tuple[int, ...]


def pixels_of(x: Shape) -> int:
    """Those of a channel in all images."""
    return x[0] * x[2] * x[3]


def taps_of(w: Shape, x: Shape, y: Shape) -> float:
    """Those of a result that meet no zeros around the image, on average, and half of the others."""
    return w[2] ** 2 * (1 + share_met(w[2], x[2], y[2], 2) * share_met(w[2], x[3], y[3], 2)) / 2


# By taps: of the results, of the gradients of the input and of the weight.
WAYS = {3: Way(81, 13.8, 7.6, 3.6, 5.5), 4: Way(100, 14.7, 3.6, 7.5, 8.5), 7: Way(196, 14.9, 2.4, 6.6, 11)}
GRADIENT_WAYS = {3: Way(81, 7.3, 11.8, 3, 7.4), 4: Way(100, 6, 8.8, 3.6, 6.2)}
WEIGHT_WAYS = {3: WeightWay(81, 28, 3.3, 25, 1.25, 10), 4: WeightWay(100, 27, 5, 22, 1.5, 25)}


def has_small_groups(groups: int, channels: int, filters: int) -> bool:
    """Whether these are groups of so few channels that their direct sums are faster (csrc/conv2d/direct.h)."""
    return groups > 1 and min(channels, filters) < 5


@remembered
def suits_stride(w: Shape, x: Shape, y: Shape, groups: int = 1) -> bool:
    """Whether conv2d uses it for filters of shape w, stride 2, images of shape x and results of shape y."""
    filters, channels, way = w[0] // groups, w[1], WAYS[w[2]]
    if has_small_groups(groups, channels, filters):
        return False
    sums = direct_stride(taps_of(w, x, y), pixels_of(x), pixels_of(y), channels, filters)
    if groups > 1 and max(channels, filters) <= 8:  # for which there are kernels of their own (csrc/conv2d/direct.h)
        sums *= 0.8
    own = transformed(way, y[0] * -(-y[2] // 4) * -(-y[3] // 4), channels, filters)
    return own < sums and way.numbers * w[0] * w[1] <= MOST_TRANSFORMED


@remembered
def suits_stride_gradient(w: Shape, x: Shape, y: Shape, groups: int = 1) -> bool:
    """The same for the gradient of the input, of shape x."""
    filters, channels = w[0] // groups, w[1]
    if w[2] not in GRADIENT_WAYS or has_small_groups(groups, channels, filters):
        return False
    way = GRADIENT_WAYS[w[2]]
    sums = direct_stride_gradient(taps_of(w, x, y), pixels_of(y), pixels_of(x), filters, channels)
    own = transformed(way, y[0] * -(-x[2] // 8) * -(-x[3] // 8), filters, channels)
    return own < sums and way.numbers * w[0] * w[1] <= MOST_TRANSFORMED


@remembered
def suits_stride_weight(w: Shape, y: Shape) -> bool:
    """The same for the gradient of the filters."""
    if w[2] not in WEIGHT_WAYS:
        return False
    # Of 3 taps, a row of results is as long for the direct sum as if it had 4 more.
    tiles, pixels = y[0] * -(-y[2] // 4) * -(-y[3] // 4), y[0] * y[2] * (y[3] + (4 if w[2] == 3 else 0))
    return transformed_is_faster_for_weights(WEIGHT_WAYS[w[2]], w[2] ** 2, tiles, pixels, w[1], w[0])
