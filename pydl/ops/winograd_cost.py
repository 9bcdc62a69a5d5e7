"""What convolutions cost by Winograd's algorithm and as direct sums, in multiplications: which of the two is faster.

    transformed   N [ T (0.7 C max(F, 4) + a C + b F) + p C F ]
    direct        d [ K C (P L + 27 F) + 3 P F ],    L = max(F, min(2 F, 22), 4), or max(1.35 F, 4) for few filters,
                                                     or F for gradients of 5x5 filters

for C channels, F filters, K taps, P results of a channel and T tiles; N numbers of a transformed tile, a and b what it
takes to transform one of them for a channel and a filter, p what it takes to prepare it of a filter: more where filters
leave the second-level cache. L: with few filters the registers are not full, but for up to 4 of them, or 8 of each of
several groups, there are kernels of their own (csrc/conv2d/direct.h). d: how much longer the direct sum takes for a
multiplication, such as with a stride. Tiles and results come in vectors. Where most results of a gradient are of the
padding, as of small maps that were not padded, the sum over P results is one over the pixels that it is scattered from.

The direct sum of filters with a stride that are not split (conv2d_winograd_stride.py), and that of their gradient for
the input, is less a matter of multiplications; X: pixels that are read, copied with the zeros around them. Gradients
write their results in vectors of every second one.

    with stride         K C (0.72 P L + 10 F) + 18 X C + 3 P F
    its gradient        K C (0.65 P L + 21 F) + 11 P' F + 30000,    P' results of P pixels

K being the taps that meet no zeros around the image, on average, and half of the others: these are left out, but
results that have the same taps fill fewer registers than all do.

The sums of a weight gradient, whose vectors are channels or, of few channels, filters, are

    transformed   N [ T (C max(F, 2) + 3 C + b F) + p C F ]
    direct        d K P C max(F, min(6 F, f))

Fitted, for each kind of filter, to some thousand convolutions with random sizes, 1 to 512 channels and filters, maps of
3 to 224 pixels and 1 to 64 images, by AVX-512 and AVX2 with one thread. Of other random sizes, what is chosen takes 1
to 6 % longer than the faster of the two, on average, and 8 % for weight gradients of short sequences.
"""

from __future__ import annotations

from typing import NamedTuple

# Numbers that transformed filters may have: 64 MiB.
MOST_TRANSFORMED = 2**24

# Numbers in the second-level cache.
CACHED = 2**18


class Way(NamedTuple):
    """The constants of a kind of filter."""

    numbers: int  # N
    channel: float  # a
    filter: float  # b
    small: float  # p where transformed filters fit the cache
    large: float  # p where they do not
    direct: float = 1  # d


class WeightWay(NamedTuple):
    """Those of its weight gradient."""

    numbers: int
    filter: float
    small: float
    large: float
    direct: float
    least: int  # f


def has_own_kernels(groups: int, channels: int, filters: int) -> bool:
    """Whether these are groups of one or two channels, as of depthwise convolutions, whose direct sums are faster."""
    return groups > 1 and min(channels, filters) < 3


def whole(count: int) -> int:
    """In vectors of 16."""
    return -(-count // 16) * 16


def preparation(way: Way | WeightWay, pairs: int) -> float:
    """p for so many pairs of channels and filters."""
    return way.large if way.numbers * pairs > CACHED else way.small


def transformed(way: Way, tiles: int, channels: int, filters: int) -> float:
    """The cost of results by tiles."""
    each = 0.7 * channels * max(filters, 4) + way.channel * channels + way.filter * filters
    return way.numbers * (whole(tiles) * each + preparation(way, channels * filters) * channels * filters)


def used_lanes(filters: int) -> int:
    """L, with few filters."""
    return max(filters, min(2 * filters, 22), 4)


def share_met(taps: int, source: int, results: int, stride: int = 1, dilation: int = 1) -> float:
    """Of the taps of the results along an axis, those that meet no zeros beside the `source`, if there are as many
    before as behind it: direct sums leave out the others (csrc/conv2d/output_sets.h, csrc/conv2d/feature_lanes.h).
    """
    before = max(stride * (results - 1) + dilation * (taps - 1) + 1 - source, 0) // 2
    met = 0
    for tap in range(taps):
        place = tap * dilation - before  # of the first result's tap
        first, past = max(-(place // stride), 0), min((source - 1 - place) // stride + 1, results)
        met += max(past - first, 0)
    return met / (taps * results)


def direct_stride(taps: float, pixels: int, results: int, channels: int, filters: int) -> float:
    """The cost of the direct sum with a stride, for so many pixels and results of a channel."""
    sums = taps * channels * (0.72 * results * used_lanes(filters) + 10 * filters)
    return sums + 18 * pixels * channels + 3 * results * filters


def direct_stride_gradient(taps: float, pixels: int, results: int, channels: int, filters: int) -> float:
    """That of the gradient for the input."""
    sums = taps * channels * (0.65 * pixels * used_lanes(filters) + 21 * filters)
    return sums + 11 * results * filters + 30000


def direct(
    way: Way,
    taps: int,
    results: int,
    channels: int,
    filters: int,
    gradient: bool = False,
    groups: int = 1,
    source: int | None = None,
) -> float:
    """That of the direct sum; few filters of a gradient are scattered instead, and few pixels, `source` in number."""
    full: float = used_lanes(filters)
    lanes: float = whole(results)
    if source is not None:
        lanes = min(lanes, 1.15 * whole(source))
    if gradient and filters <= 4:
        full = 0.8 * filters
    elif gradient and taps == 25:
        full = filters
    elif filters <= (8 if groups > 1 else 4):
        full = max(1.35 * filters, 4)
    return way.direct * (taps * channels * (lanes * full + 27 * filters) + 3 * results * filters)


def transformed_is_faster_for_weights(
    way: WeightWay,
    taps: float,
    tiles: int,
    pixels: int,
    channels: int,
    filters: int,
    turning: int = 0,
    call: int = 0,
) -> bool:
    """Whether a weight gradient over so many tiles, or pixels of each channel, is. turning: what each takes before;
    call: what all do.
    """
    lanes, turned = whole(channels), channels * whole(filters)
    # The vectors of products are filters where that saves a quarter (csrc/conv2d/winograd_weight.h).
    products = turned if 4 * turned <= 3 * filters * lanes else lanes * max(filters, 2)
    each = products + 3 * lanes + way.filter * whole(filters)
    own = way.numbers * (tiles * each + preparation(way, lanes * filters) * lanes * filters)
    own += turning * pixels * (channels + filters) + call
    sums = way.direct * taps * pixels * max(channels, 4 / taps) * max(filters, min(6 * filters, way.least))
    return own < sums and way.numbers * channels * filters <= MOST_TRANSFORMED
