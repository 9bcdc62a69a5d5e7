"""conv2d_channels_last: the convolution of images whose channels lie side by side, with what usually follows it.

    y[n,o,i,j] = f( b[o] + add[n,o,i,j] + sum over c, u, v of  w[o,c,u,v] * x[n, c, i*stride + u*dilation,
                                                                                 j*stride + v*dilation] )

f is ReLU or nothing. It is conv2d with three promises that make it fast, which pydl/recording/channels_last.py gives
for the layers of a network that is replayed: the numbers of one pixel are neighbours in memory (x, add and y have the
shape (N, C, H, W) and stride 1 along C), the zeros around the images are part of x, and the weights are prepared once
(pack_filters). Then lanes are output channels, nothing is gathered, and layers of any stride and map size run at full
speed.

For 3x3 and 5x5 filters and stride 1 there is the same by Winograd's algorithm with tiles of 4x4 outputs: see
conv2d_winograd.py for the algorithm and what it costs in digits. The transformed filters u are prepared once, too.

Shapes    x (N, C, H, W), w (P, U, V, C, L) = pack_filters((O, C, U, V)), b (O), add and y (N, O, I, J);
          u (P, 36, C, L) = transform_filters((O, C, 3, 3)), 64 instead of 36 for 5x5
Source    Georganas and others, "Anatomy of high-performance deep learning convolutions on SIMD architectures",
          SC 2018, arXiv:1808.05567, for the loops; Lavin, Gray, arXiv:1509.09308 (2015), for Winograd's algorithm
"""
# ruff: noqa: E741  sizes are capital letters, O and I among them

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..op import kernel
from .conv2d_winograd import MOST_CHANNELS_OF_FIVE

# Output channels of a panel: whole vectors for every instruction set.
PANEL, NARROW_PANEL = 32, 16


def filter_transformation(points: tuple[float, ...], taps: int) -> Any:
    """Winograd's G for 0, these points, the same below 0, and infinity: a row for each. See conv2d/winograd_line.h."""
    below = [sign * each for each in points for sign in (1, -1)]
    rows: list[list[float]] = [[1, *(0,) * (taps - 1)]]
    rows += [[p**u / (p * math.prod(p - q for q in below if q != p)) for u in range(taps)] for p in below]
    return np.array([*rows, rows[0][::-1]])


# By the size of filters.
G = {3: filter_transformation((2 / 3, 3 / 2), 3), 5: filter_transformation((0.5, 1, 2), 5)}


def pack_filters(w: Any) -> Any:
    """The filters (O, C, U, V) as panels (P, U, V, C, L), zero where there is no output channel."""
    O, C, U, V = w.shape
    L = NARROW_PANEL if O <= NARROW_PANEL else PANEL
    P = -(-O // L)
    padded = np.zeros((P * L, C, U, V), w.dtype)
    padded[:O] = w
    return np.ascontiguousarray(padded.reshape(P, L, C, U, V).transpose(0, 3, 4, 2, 1))


def transform_filters(w: Any) -> Any:
    """The filters (O, C, U, U) as conv2d_channels_last_winograd takes them: G w[o,c] G', computed in double."""
    g = G[w.shape[2]]
    whole = pack_filters((g @ w.astype(np.float64) @ g.T).astype(w.dtype))
    return whole.reshape(whole.shape[0], len(g) ** 2, *whole.shape[3:])


def filter_of(w: Any, o: int) -> Any:
    """Filter o among packed ones: (U, V, C)."""
    L = w.shape[4]
    return w[o // L, :, :, :, o % L]


@kernel(writes="y")
def conv2d_channels_last(x, w, b, add, y, stride, dilation, relu):
    for n, o, i, j in np.ndindex(y.shape):
        total = 0.0 if b is None else b[o]
        taps = filter_of(w, o)
        for u, v, c in np.ndindex(taps.shape):
            total += taps[u, v, c] * x[n, c, i * stride[0] + u * dilation[0], j * stride[1] + v * dilation[1]]
        total += 0.0 if add is None else add[n, o, i, j]
        y[n, o, i, j] = 0.0 if relu and total <= 0.0 else total


@kernel(writes="y")
def conv2d_channels_last_winograd(x, u, w, b, add, y, relu):
    """u is w, transformed: native code uses w for images with results that are not finite."""
    conv2d_channels_last.reference(x, w, b, add, y, (1, 1), (1, 1), relu)


def channels_last(array: Any) -> Any:
    """A copy of (N, C, H, W) whose channels are neighbours."""
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def _draw_operands(draw: Any, x: Any, w: Any, stride: Any, dilation: Any) -> dict[str, Any]:
    size = [(x[2 + d] - dilation[d] * (w[2 + d] - 1) - 1) // stride[d] + 1 for d in range(2)]
    shape = (x[0], w[0], *size)
    b = np.ascontiguousarray(draw.array((w[0],)))
    return {
        "x": channels_last(draw.array(x)),
        "b": draw.choice(None, b),
        "add": draw.choice(None, channels_last(draw.array(shape))),
        "y": channels_last(draw.out(shape)),
        "relu": draw.choice(False, True),
    }


@conv2d_channels_last.samples
def _(draw):
    filters, channels = draw.choice(1, 3, 16, 17, 37), draw.integer(1, 5)
    taps, stride, dilation = ([draw.integer(1, 3) for _ in "hw"] for _ in range(3))
    size = [dilation[d] * (taps[d] - 1) + 1 + draw.choice(0, 1, 2, 5, 17) for d in range(2)]
    w = (filters, channels, *taps)
    drawn = _draw_operands(draw, (draw.integer(0, 2), channels, *size), w, stride, dilation)
    drawn |= {"w": pack_filters(draw.array(w)), "stride": tuple(stride), "dilation": tuple(dilation)}
    return {name: drawn[name] for name in conv2d_channels_last.arguments}


@conv2d_channels_last_winograd.samples
def _(draw):
    filters, channels = draw.choice(1, 3, 16, 17, 37), draw.choice(1, 2, 8, 17)
    taps = draw.choice(3, 5)
    size = [draw.integer(taps, 12) for _ in "hw"]
    w = draw.array((filters, channels, taps, taps), finite=True)
    drawn = _draw_operands(draw, (draw.integer(0, 2), channels, *size), w.shape, (1, 1), (1, 1))
    drawn |= {"w": pack_filters(w), "u": transform_filters(w)}
    return {name: drawn[name] for name in conv2d_channels_last_winograd.arguments}


def suits_winograd(w: Any, y_shape: tuple[int, ...], stride: tuple[int, int], dilation: tuple[int, int]) -> bool:
    """Whether Winograd's algorithm is the faster one, by the cycles that were measured for both.

    A tile costs 36 products (64 for 5x5 filters) for each pair of channels instead of 9 (25) for each of the outputs
    that exist, and some for each vector of channels that is transformed; and 4 (2.6) times as many weights have to be
    read.
    """
    if w.dtype != np.float32 or w.shape[2:] not in ((3, 3), (5, 5)) or (*stride, *dilation) != (1, 1, 1, 1):
        return False
    O, C = w.shape[:2]
    taps = w.shape[2] ** 2
    places, transformation = (36, 260) if taps == 9 else (64, 950)
    N, _, I, J = y_shape
    tiles = N * -(-I // 4) * -(-J // 4)
    wide = [-(-each // 16) * 16 for each in (C, O)]
    direct = taps * N * I * J * C * wide[1]
    transformed = tiles * (places * C * wide[1] + transformation * sum(wide))
    weights = C * wide[1] * (72 if C * wide[1] < 2**13 else 300)
    few = C <= MOST_CHANNELS_OF_FIVE or taps == 9
    return few and C >= 4 and min(I, J) >= 3 and transformed + places * weights // 9 < direct
