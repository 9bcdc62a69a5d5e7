"""conv2d_winograd_split: convolutions with a stride or with large filters as 3x3 ones with more channels.

The results are conv2d's. With a stride s > 1, every s-th tap meets every s-th pixel: the taps p, p + s, p + 2 s are
those of a convolution of stride 1 over the pixels p, p + s, ... With stride 1, so are the taps 3 p, 3 p + 1 and 3 p + 2
over the pixels from 3 p on. Along both axes, a filter of up to 3 s (or 9) taps is thus a sum of 3x3 filters, each over
channels of its own,

    y[n,o] = b[o] + sum over c, parts p of  w[o,c,p] * x[n,c,p]        w[o,c,p]: 3x3, with zeros for taps that are none

which conv2d_winograd.py's 4x4 tiles compute, with 36 multiplications for each pair of channels and part. 16 outputs of
5x5 filters of stride 2 (4 parts) take 144 instead of 400, of 7x7 filters (9 parts) 324 instead of 784, of 11x11 filters
of stride 4 (16 parts) 576 instead of 1936. The gradients of the filters and, with a stride, of the input are such sums
as well; that of the input without one is a convolution of dy. Errors are those of 3x3 filters. The same switch decides,
and images or filters for which not all results are finite are computed directly, too.
"""

from __future__ import annotations

import math

import numpy as np

from .._compiled import remembered
from ..op import kernel
from .winograd_cost import (
    MOST_TRANSFORMED,
    Way,
    WeightWay,
    direct,
    has_own_kernels,
    transformed,
    transformed_is_faster_for_weights,
)


def pad(x, padding):
    """x with zeros around every image."""
    return np.pad(x, ((0, 0), (0, 0), padding[:2], padding[2:]))


def patch(padded, w, n, o, i, j, stride, groups):
    """The pixels under filter o of output (i, j), a view."""
    filters, C, U, V = w.shape
    first, top, left = o // (filters // groups) * C, i * stride[0], j * stride[1]
    return padded[n, first : first + C, top : top + U, left : left + V]


@kernel(writes="y")
def conv2d_winograd_split(x, w, b, y, stride, padding, groups):
    padded = pad(x, padding)
    for n, o, i, j in np.ndindex(y.shape):
        total = np.sum(w[o] * patch(padded, w, n, o, i, j, stride, groups))
        y[n, o, i, j] = total + (0.0 if b is None else b[o])


@kernel(writes="dx")
def conv2d_winograd_split_gradient(dy, w, b, dx, stride, padding, groups):
    padded = pad(np.zeros(dx.shape), padding)
    for n, o, i, j in np.ndindex(dy.shape):
        patch(padded, w, n, o, i, j, stride, groups)[...] += w[o] * dy[n, o, i, j]
    for n, c, h, v in np.ndindex(dx.shape):
        dx[n, c, h, v] = padded[n, c, h + padding[0], v + padding[2]] + (0.0 if b is None else b[c])


@kernel(writes="dw, db")
def conv2d_winograd_split_weight(dy, x, dw, db, stride, padding):
    padded = pad(x, padding)
    dw[...] = 0.0
    for n, o, i, j in np.ndindex(dy.shape):
        dw[o] += dy[n, o, i, j] * patch(padded, dw, n, o, i, j, stride, 1)
    if db is not None:
        db[...] = dy.sum((0, 2, 3))


def draw_split(draw, most_groups, *steps):
    """Sizes that differ in every dimension, and the settings."""
    groups, batch, channels = draw.choice(1, 1, most_groups), draw.integer(0, 2), draw.integer(1, 3)
    stride = tuple(draw.choice(*steps) for _ in range(2))
    taps = [draw.integer(1, 3 * step if step > 1 else 9) for step in stride]
    padding, filters = tuple(draw.integer(0, 3) for _ in range(4)), draw.choice(1, 3, 17)
    size = [max(1, k - sum(padding[2 * d :][:2])) + draw.integer(0, 9) for d, k in enumerate(taps)]
    output = [(size[d] + sum(padding[2 * d :][:2]) - taps[d]) // stride[d] + 1 for d in range(2)]
    case = {
        "x": (batch, groups * channels, *size),
        "w": (groups * filters, channels, *taps),
        "y": (batch, groups * filters, *output),
    }
    return case, {"stride": stride, "padding": padding, "groups": groups}


@conv2d_winograd_split.samples
def _(draw):
    case, settings = draw_split(draw, 2, 1, 2, 3, 4)
    b, y = draw.choice(None, draw.array(case["w"][:1])), draw.out(case["y"])
    return {"x": draw.array(case["x"]), "w": draw.array(case["w"]), "b": b, "y": y} | settings


@conv2d_winograd_split_gradient.samples
def _(draw):
    case, settings = draw_split(draw, 2, 2, 3, 4)
    # Finite weights, as for conv2d_input_gradient.
    w, b = draw.array(case["w"], finite=True), draw.choice(None, draw.array((case["x"][1],)))
    return {"dy": draw.array(case["y"]), "w": w, "b": b, "dx": draw.out(case["x"])} | settings


@conv2d_winograd_split_weight.samples
def _(draw):
    case, settings = draw_split(draw, 1, 1, 2, 3, 4)
    dw, db = draw.out(case["w"]), draw.choice(None, draw.out(case["w"][:1]))
    del settings["groups"]
    return {"dy": draw.array(case["y"]), "x": draw.array(case["x"]), "dw": dw, "db": db} | settings


Shape = tuple[int, ...]

WAY, WEIGHT_WAY = Way(36, 11.5, 6, 11.5, 12.7, 0.64), WeightWay(36, 13, 6, 30, 0.7, 3)

# What it takes to copy a number of a part.
COPYING, WEIGHT_COPYING = 28, 13


@remembered
def count_parts(w: Shape, stride: Shape) -> int:
    """Into how many filters one of shape w is split; 0 if that is not worth a thought."""
    parts = 1
    for step, taps in zip(stride, w[2:], strict=True):
        if taps > (3 * step if step > 1 else 9):
            return 0
        parts *= step if step > 1 else -(-taps // 3)
    return parts if 36 * parts < 12 * math.prod(w[2:]) else 0


@remembered
def suits_split(w: Shape, y: Shape, stride: Shape, groups: int = 1, is_gradient: bool = False) -> bool:
    """Whether conv2d uses it for filters of shape w and results of shape y, or for the input's gradient, y being dy."""
    parts, filters, channels = count_parts(w, stride), w[0] // groups, w[1]
    if not parts or has_own_kernels(groups, channels, filters):
        return False
    taps, results = math.prod(w[2:]), y[0] * y[2] * y[3]
    own: float = COPYING * parts * channels * y[0] * (y[2] + 2) * (y[3] + 2)
    if is_gradient:
        tiles = y[0] * -(-(y[2] + 2) // 4) * -(-(y[3] + 2) // 4)
        own += transformed(WAY, tiles, filters, channels * parts)
        sums = direct(WAY, taps, results, filters, channels, True, groups)
    else:
        tiles = y[0] * -(-y[2] // 4) * -(-y[3] // 4)
        own += transformed(WAY, tiles, channels * parts, filters)
        sums = direct(WAY, taps, results, channels, filters, groups=groups)
    return own < sums and 36 * parts * math.prod(w[:2]) <= MOST_TRANSFORMED


@remembered
def suits_split_weight(w: Shape, y: Shape, stride: Shape) -> bool:
    """The same for the gradient of the filters."""
    parts, pixels = count_parts(w, stride), y[0] * y[2] * y[3]
    if not parts:
        return False
    taps, tiles = math.prod(w[2:]) / parts, y[0] * -(-y[2] // 4) * -(-y[3] // 4)
    return transformed_is_faster_for_weights(WEIGHT_WAY, taps, tiles, pixels, w[1] * parts, w[0], WEIGHT_COPYING)
