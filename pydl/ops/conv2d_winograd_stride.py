"""conv2d_winograd_stride: convolutions of stride 2 with fewer multiplications, of filters 3x3, 4x4 and 7x7.

The results are conv2d's. Along a line, an output of stride 2 is a sum over neighbouring even pixels and one over odd
pixels, each of which is a convolution of stride 1 with half the taps (csrc/conv2d_winograd_stride.h):

    y[i] = (w[0] x[2 i] + w[2] x[2 i + 2] + ...) + (w[1] x[2 i + 1] + w[3] x[2 i + 3] + ...)

4x4 outputs take 81 multiplications for each pair of channels with 3x3 filters instead of 144, 100 with 4x4 instead of
256, and 196 with 7x7 instead of 784. With 3x3 and 4x4, the gradients of the input (8x8 of its numbers, from 4x4 of dy)
and of the filters take as many as y. A transposed convolution is such a gradient. Errors as in conv2d_winograd.py:

                3x3         4x4         7x7
    largest     2e-6        3e-6        4e-6
    L2          8e-7        2e-6        2e-6
    L2 of dw    6e-7        8e-7

The same switch decides, and images or filters for which not all results are finite are computed directly, too.
"""

from __future__ import annotations

import numpy as np

from .._compiled import remembered
from ..op import kernel
from .conv2d_winograd import MOST_TRANSFORMED, draw_case

# Those of a transformed filter, by its taps.
NUMBERS = {3: 81, 4: 100, 7: 196}


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


def pays(w: Shape, y: Shape, tiles: int, channels: int, saved: float) -> bool:
    """Whether so many tiles, for filters of shape w and the results y of a convolution, are worth it.

    Counted are multiplications: of the products, of preparing the filters (as much as 15 tiles, more where they leave
    the second-level cache), and of the transformations (as much as some channels more on either side). The direct sum
    keeps the multipliers less busy: `saved` says how much less.
    """
    filters, taps = w[0], w[2]
    pairs = filters * channels
    preparation = 15 if pairs <= 2**14 else 25
    own = NUMBERS[taps] * ((tiles + preparation) * pairs + tiles * (8 * channels + (3 if taps == 7 else 12) * filters))
    pixels = -(-y[0] * y[2] * y[3] // 16) * 16
    return own < saved * taps**2 * pixels * filters * w[1]


def fits(w: Shape) -> bool:
    """Whether the transformed filters are not too large."""
    return NUMBERS[w[2]] * w[0] * w[1] <= MOST_TRANSFORMED


def few(filters: int) -> float:
    """How much longer the direct sum takes where its lanes or tiles are not filled by filters."""
    return max(1.4, 30 / filters)


@remembered
def suits_stride(w: Shape, y: Shape, groups: int = 1) -> bool:
    """Whether conv2d uses it for filters of shape w, stride 2 and results of shape y.

    The limits here and below were measured with AVX-512 and AVX2, 1 to 512 channels and maps of 4x4 to 224x224.
    """
    filters = w[0] // groups
    if groups > 1 and min(filters, w[1]) < 3:
        return False
    tiles = -(-y[0] * -(-y[2] // 4) * -(-y[3] // 4) // 16) * 16
    return fits(w) and pays((filters, *w[1:]), y, tiles, w[1], 1 if w[2] == 7 else few(filters))


@remembered
def suits_stride_gradient(w: Shape, x: Shape, y: Shape, groups: int = 1) -> bool:
    """The same for the gradient of the input, of shape x."""
    filters = w[0] // groups
    if groups > 1 and min(filters, w[1]) < 3:
        return False
    tiles = -(-y[0] * -(-x[2] // 8) * -(-x[3] // 8) // 16) * 16
    return w[2] < 7 and fits(w) and pays((filters, *w[1:]), y, tiles, w[1], 1.4 if filters >= 8 else 4)


@remembered
def suits_stride_weight(w: Shape, y: Shape) -> bool:
    """The same for the gradient of the filters, whose products have channels as lanes."""
    tiles, lanes = y[0] * -(-y[2] // 4) * -(-y[3] // 4), -(-w[1] // 16) * 16
    return w[2] < 7 and tiles >= 16 and fits(w) and pays(w, y, tiles, lanes, few(w[0]) if w[0] >= 8 else 1)
