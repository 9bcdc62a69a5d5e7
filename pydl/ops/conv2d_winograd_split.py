"""conv2d_winograd_split: convolutions with a stride or with large filters as 3x3 or 4x4 ones with more channels.

The results are conv2d's. With a stride s > 1, every s-th tap meets every s-th pixel: the taps p, p + s, p + 2 s are
those of a convolution of stride 1 over the pixels p, p + s, ... With stride 1, so are the taps 3 p, 3 p + 1 and 3 p + 2
over the pixels from 3 p on. Along both axes, a filter of up to 3 s (or 9) taps is thus a sum of 3x3 filters, each over
channels of its own,

    y[n,o] = b[o] + sum over c, parts p of  w[o,c,p] * x[n,c,p]        w[o,c,p]: 3x3, with zeros for taps that are none

which conv2d_winograd.py's 4x4 tiles compute, with 36 multiplications for each pair of channels and part. 16 outputs of
5x5 filters of stride 2 (4 parts) take 144 instead of 400, of 7x7 filters (9 parts) 324 instead of 784, of 11x11 filters
of stride 4 (16 parts) 576 instead of 1936. The gradients of the filters and, with a stride, of the input are such sums
as well; that of the input without one is a convolution of dy. Filters of up to 4 s taps are sums of 4x4 ones, with 49
multiplications: the gradients of 7x7 filters of stride 2 take 196 instead of 784. Errors are those of 3x3 filters, of
4x4 ones those of 7x7 in conv2d_winograd_stride.py (of dw, 2e-6). The same switch decides, and images or filters for
which not all results are finite are computed directly, too.
"""

from __future__ import annotations

import math
from typing import NamedTuple

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
    taps = [draw.integer(1, draw.choice(3, 4) * step if step > 1 else 9) for step in stride]
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

# Of images with few channels, such as those of a first layer, and of parts of 4 taps, by taps: the gradients of the
# input and of the weight. A call has its own cost, and a gradient of the input as direct sum (for s parts)
#
#     d C [ K F (P + 27) + 40 s P ] + 2 P F
#
# Fitted as in winograd_cost.py to some thousand convolutions of 1 to 8 channels with strides of 2 to 4.
FEW_CHANNELS = 8
GRADIENT_WAYS = {3: Way(36, 10.2, 14, 16, 13, 0.82), 4: Way(49, 10.4, 8.3, 19, 35, 0.82)}
WEIGHT_WAYS = {3: WeightWay(36, 0, 12.5, 19, 1, 6), 4: WeightWay(49, 0, 14, 35, 0.83, 12)}
CALL, WEIGHT_CALL = 300000, 450000


class Split(NamedTuple):
    """Into what filters are split: how many parts, 0 if that is not worth a thought, and their taps along each axis."""

    parts: int
    taps: int


@remembered
def split(w: Shape, stride: Shape) -> Split:
    """Into what filters of shape w are split."""
    steps = tuple(zip(stride, w[2:], strict=True))
    taps = 3 if all(count <= 3 * step for step, count in steps if step > 1) else 4
    if any(count > (taps * step if step > 1 else 9) for step, count in steps):
        return Split(0, taps)
    parts = math.prod(step if step > 1 else -(-count // taps) for step, count in steps)
    return Split(parts if (taps + 3) ** 2 * parts < 12 * math.prod(w[2:]) else 0, taps)


@remembered
def suits_split(w: Shape, y: Shape, stride: Shape, groups: int = 1) -> bool:
    """Whether conv2d uses it for filters of shape w and results of shape y."""
    found, filters, channels = split(w, stride), w[0] // groups, w[1]
    if not found.parts or found.taps > 3 or has_own_kernels(groups, channels, filters):
        return False
    own: float = COPYING * found.parts * channels * y[0] * (y[2] + 2) * (y[3] + 2)
    own += transformed(WAY, y[0] * -(-y[2] // 4) * -(-y[3] // 4), channels * found.parts, filters)
    sums = direct(WAY, math.prod(w[2:]), y[0] * y[2] * y[3], channels, filters, groups=groups)
    return own < sums and can_be_kept(found, w)


@remembered
def suits_split_gradient(w: Shape, y: Shape, stride: Shape, groups: int = 1) -> bool:
    """The same for the gradient of the input, y being dy."""
    found, filters, channels = split(w, stride), w[0] // groups, w[1]
    # Of 4x4 parts of a single channel, direct sums are about as fast.
    if not found.parts or has_own_kernels(groups, channels, filters) or (found.taps > 3 and channels == 1):
        return False
    parts, taps, results = found.parts, math.prod(w[2:]), y[0] * y[2] * y[3]
    own: float
    if found.taps > 3 or is_first_layer(w, stride):
        way = GRADIENT_WAYS[found.taps]
        own = transformed(way, y[0] * -(-y[2] // 4) * -(-y[3] // 4), filters, channels * parts) + CALL
        sums = way.direct * channels * (taps * filters * (results + 27) + 40 * parts * results) + 2 * results * filters
    else:
        own = COPYING * parts * channels * y[0] * (y[2] + 2) * (y[3] + 2)
        own += transformed(WAY, y[0] * -(-(y[2] + 2) // 4) * -(-(y[3] + 2) // 4), filters, channels * parts)
        sums = direct(WAY, taps, results, filters, channels, True, groups)
    return own < sums and can_be_kept(found, w)


@remembered
def suits_split_weight(w: Shape, y: Shape, stride: Shape) -> bool:
    """The same for the gradient of the filters."""
    found, pixels = split(w, stride), y[0] * y[2] * y[3]
    if not found.parts or (found.taps > 3 and w[1] == 1):
        return False
    taps, tiles = math.prod(w[2:]) / found.parts, y[0] * -(-y[2] // 4) * -(-y[3] // 4)
    way, copying, call = WEIGHT_WAY, WEIGHT_COPYING, 0
    if found.taps > 3 or is_first_layer(w, stride):
        way, copying, call = WEIGHT_WAYS[found.taps], 21 if max(stride) == 2 else 35, WEIGHT_CALL
    return transformed_is_faster_for_weights(way, taps, tiles, pixels, w[1] * found.parts, w[0], copying, call)


def is_first_layer(w: Shape, stride: Shape) -> bool:
    """Whether there are few channels, and more than two taps for a step."""
    has_taps = any(taps > 2 * step for taps, step in zip(w[2:], stride, strict=True))
    return 1 < w[1] <= FEW_CHANNELS and min(stride) > 1 and has_taps


def can_be_kept(found: Split, w: Shape) -> bool:
    """Whether the transformed filters are not too large."""
    return (found.taps + 3) ** 2 * found.parts * math.prod(w[:2]) <= MOST_TRANSFORMED
