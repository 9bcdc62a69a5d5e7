"""Depthwise convolutions in float32, whose rows are read where they lie (csrc/conv2d/depthwise_rows.h and
conv2d/depthwise_wide_rows.h), of maps that are as wide as one, two, three or four vectors, or end within one, and
with channels as lanes (conv2d/depthwise_lane_rows.h)."""

import numpy as np
import pytest
from checks import check_threads, randn

from pydl import _native
from pydl.op import native_isa
from pydl.ops.conv2d import conv2d_forward, conv2d_input_gradient, conv2d_weight_gradient

# N, groups, filters of a group, H, W, stride, padding, taps along rows and columns if not 3, dilation
WIDE = [
    (2, 3, 1, 14, 14, 1, (2, 2, 2, 2), 5),
    (1, 4, 2, 3, 16, 1, (2, 1, 2, 1), 5),
    (2, 3, 1, 7, 17, 1, (2, 4, 2, 3), 5),
    (1, 3, 1, 9, 32, 1, (2, 2, 2, 2), 5),
    (2, 3, 1, 20, 21, 2, (2, 2, 2, 2), 5),
    (1, 4, 2, 5, 30, 2, (2, 0, 2, 1), 5),
    (2, 3, 1, 6, 56, 2, (2, 2, 2, 2), 5),
    (2, 3, 1, 28, 28, 2, (1, 1, 1, 1), 4),
    (1, 4, 2, 7, 61, 2, (1, 0, 1, 1), 4),
    (2, 3, 1, 14, 13, 1, (3, 3, 3, 3), 7),
    (1, 2, 2, 1, 16, 1, (3, 3, 3, 3), 7),
    (1, 3, 1, 8, 28, 1, (3, 0, 3, 2), 7),
    (2, 3, 1, 5, 19, 1, (3, 5, 3, 6), 7),
]
# Of many channels and images.
LANES = [
    (6, 16, 1, 7, 7, 1, (3, 3, 3, 3), 7),
    (6, 15, 1, 4, 9, 1, (12, 0, 0, 12), 7),
    (3, 31, 2, 10, 9, 1, (2, 2, 2, 2), 5),
    (6, 13, 1, 8, 25, 1, (0, 3, 1, 2), 5),
    (6, 16, 1, 13, 14, 2, (2, 1, 2, 3), 5),
    (2, 2700, 1, 7, 7, 1, (2, 2, 2, 2), 5),  # images from beyond the second-level cache
]
# Of strides whose rows are sorted into as many phases, or that have gradients of their own
# (csrc/conv2d/depthwise_frame.h and conv2d/depthwise_repeated.h).
STRIDED = [
    (2, 5, 1, 57, 57, 3, (1, 1, 1, 1), 3),
    (3, 3, 2, 9, 200, 3, (2, 0, 2, 1), 4),
    (2, 3, 1, 28, 70, 3, (2, 2, 2, 2), 5),
    (1, 4, 2, 20, 50, 4, (0, 0, 0, 0), 4),
    (3, 3, 1, 19, 23, 4, (3, 2, 3, 1), 7),
    (18, 2, 1, 6, 5, 4, (1, 0, 2, 3), 5),
    (2, 4, 1, 17, 34, 2, (0, 0, 0, 0), 2),
    (2, 3, 2, 12, 40, 2, (1, 1, 1, 1), 4),
    (1, 2, 1, 30, 100, 2, (4, 4, 4, 4), 9),
    (2, 5, 1, 30, 61, 4, (1, 1, 1, 1), 3),
    (1, 4, 1, 9, 50, 3, (0, 1, 0, 1), 2),
]
# Of two rows of outputs in a vector (csrc/conv2d/depthwise_paired_rows.h).
PAIRED = [
    (2, 5, 1, 14, 14, 2, (0, 1, 0, 1)),
    (1, 4, 2, 16, 16, 2, (1, 1, 1, 1)),
    (2, 3, 1, 15, 15, 3, (1, 0, 1, 0)),
    (3, 3, 1, 9, 9, 1, (0, 0, 0, 0)),
    (1, 3, 1, 1, 5, 1, (2, 2, 2, 3)),
    (2, 3, 1, 11, 8, 1, (3, 2, 3, 3), 3, 3),
]
# Of two channels in a vector (csrc/conv2d/depthwise_paired_planes.h).
PAIRED_PLANES = [
    (2, 6, 1, 7, 7, 1, (1, 1, 1, 1)),
    (3, 5, 1, 8, 4, 1, (1, 1, 1, 1)),
    (1, 1, 1, 6, 8, 1, (1, 1, 1, 1)),
    (2, 4, 1, 16, 16, 2, (1, 1, 1, 1)),
    (2, 3, 1, 9, 13, 2, (1, 1, 1, 1)),
    (2, 6, 1, 7, 7, 1, (2, 2, 2, 2), 5),
    (1, 7, 1, 4, 8, 1, (2, 2, 2, 2), 5),
    (2, 4, 1, 14, 14, 2, (2, 2, 2, 2), 5),
    (1, 3, 1, 15, 10, 2, (2, 2, 2, 2), 5),
    (2, 5, 1, 14, 14, 2, (1, 1, 1, 1), 4),
    (3, 4, 1, 16, 9, 2, (1, 1, 1, 1), 4),
    (18, 2, 1, 7, 7, 1, (1, 1, 1, 1)),  # the batch in parts
]
DILATED = [
    (2, 5, 1, 33, 33, 1, (6, 5, 6, 6), 3, 6),
    (1, 4, 2, 9, 16, 1, (2, 2, 2, 2), 3, 2),
    (2, 3, 1, 5, 47, 1, (12, 10, 12, 12), 3, 12),  # more than there are rows
    (3, 2, 1, 7, 20, 1, (16, 16, 16, 16), 3, 16),
    (1, 3, 1, 20, 64, 1, (3, 2, 3, 3), 3, 3),
    (1, 3, 1, 20, 50, 1, (17, 16, 17, 17), 3, 17),
]
MAPS = [
    (2, 5, 1, 14, 14, 1, (1, 1, 1, 1)),
    (3, 4, 2, 9, 16, 1, (1, 1, 1, 1)),
    (2, 3, 1, 7, 17, 1, (1, 0, 1, 0)),
    (1, 4, 1, 10, 32, 1, (1, 2, 1, 2)),
    (2, 2, 2, 5, 33, 1, (1, 1, 1, 0)),
    (1, 3, 1, 1, 47, 1, (1, 1, 1, 1)),
    (1, 3, 1, 6, 64, 1, (1, 3, 1, 1)),
    (1, 2, 1, 4, 20, 1, (1, 1, 1, 21)),
    (2, 18, 1, 8, 8, 1, (1, 1, 1, 1)),
    (3, 17, 1, 7, 5, 1, (1, 1, 1, 1)),
    (1, 32, 1, 12, 13, 1, (1, 1, 1, 1)),
    (5, 16, 1, 13, 14, 2, (1, 1, 1, 1)),
    (2, 5, 1, 28, 28, 2, (1, 1, 1, 1)),
    (1, 4, 2, 7, 31, 2, (1, 0, 1, 0)),
    (2, 3, 1, 8, 33, 2, (1, 1, 1, 0)),
    (1, 3, 1, 2, 64, 2, (1, 1, 1, 2)),
    (1, 2, 1, 9, 65, 2, (1, 0, 1, 1)),
    (1, 2, 1, 13, 127, 2, (1, 1, 1, 1)),
    (2, 3, 1, 5, 20, 2, (1, 4, 1, 5)),
    *WIDE,
    *LANES,
    *STRIDED,
    *DILATED,
    *PAIRED,
    *PAIRED_PLANES,
]


def arrays_of(N, G, M, H, W, stride, padding, taps=3, dilation=1):
    reach = (taps - 1) * dilation + 1
    I, J = ((size - reach) // stride + 1 for size in (H + sum(padding[:2]), W + sum(padding[2:])))  # noqa: E741
    return randn(N, G, H, W), randn(G * M, 1, taps, taps), randn(G * M), randn(N, G * M, I, J)


def computed(x, w, b, dy, settings, dtype):
    """y, dx, dw and db."""
    given = [each.astype(dtype) for each in (x, w, b, dy)]
    y, dx, dw, db = (np.full(each.shape, 7, dtype) for each in (dy, x, w, b))
    conv2d_forward(*given[:3], y, *settings)
    conv2d_input_gradient(given[3], given[1], dx, *settings)
    conv2d_weight_gradient(given[3], given[0], dw, db, *settings)
    return y, dx, dw, db


@pytest.mark.parametrize("special", [None, np.inf], ids=["finite", "inf"])
@pytest.mark.parametrize("sizes", MAPS, ids=str)
def test_every_instruction_set_equals_double_precision(sizes, special):
    x, w, b, dy = arrays_of(*sizes)
    if special is not None:
        x[0, 0, -1, -1] = x[-1, -1, 0, 0] = special
        dy[0, -1, 0, -1] = special
    settings = (sizes[5],) * 2, sizes[6], (sizes[8] if len(sizes) > 8 else 1,) * 2, sizes[1]
    with np.errstate(invalid="ignore"):
        expected = computed(x, w, b, dy, settings, np.float64)
        for isa in _native.isas:
            with native_isa(isa):
                for got, exact in zip(computed(x, w, b, dy, settings, np.float32), expected, strict=True):
                    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(exact))
                    finite = np.isfinite(exact)
                    np.testing.assert_allclose(got[finite], exact[finite], rtol=0, atol=1e-4)


@pytest.mark.parametrize("sizes", LANES, ids=str)
def test_lanes_give_the_same_bits_for_any_number_of_threads(sizes):
    x, w, b, y = arrays_of(*sizes)
    settings = {"stride": (sizes[5],) * 2, "padding": sizes[6], "dilation": (1, 1), "groups": sizes[1]}
    check_threads(conv2d_forward, {"x": x, "w": w, "b": b, "y": y} | settings)


# strides and taps
KINDS = [(1, 3), (2, 3), (1, 5), (2, 5), (1, 7), (2, 4), (3, 2), (3, 3), (3, 4), (4, 3), (4, 4), (4, 7)]


@pytest.mark.parametrize(("stride", "taps"), KINDS)
def test_same_bits_for_any_number_of_threads(stride, taps):
    padding = (taps // 2,) * 4
    x, w, b, dy = arrays_of(9, 40, 1, 31, 30, stride, padding, taps)
    settings = {"stride": (stride,) * 2, "padding": padding, "dilation": (1, 1), "groups": 40}
    check_threads(conv2d_forward, {"x": x, "w": w, "b": b, "y": dy} | settings)
    check_threads(conv2d_input_gradient, {"dy": dy, "w": w, "dx": x} | settings)
    check_threads(conv2d_weight_gradient, {"dy": dy, "x": x, "dw": w, "db": b} | settings)


@pytest.mark.parametrize(("stride", "taps"), KINDS)
def test_rows_that_are_apart(stride, taps):
    """Images and results that are parts of larger arrays, of which nothing else is written."""
    padding = (taps // 2,) * 4
    x, w, b, dy = arrays_of(2, 3, 1, 12, 21, stride, padding, taps)
    settings = (stride,) * 2, padding, (1, 1), 3
    y, dx = np.empty_like(dy), np.empty_like(x)
    conv2d_forward(x, w, b, y, *settings)
    conv2d_input_gradient(dy, w, dx, *settings)
    for whole, kernel, given in ((y, conv2d_forward, (x, w, b)), (dx, conv2d_input_gradient, (dy, w))):
        around = np.full((*whole.shape[:2], whole.shape[2] + 2, whole.shape[3] + 3), 7, np.float32)
        kernel(*given, around[:, :, 1:-1, 1:-2], *settings)
        np.testing.assert_array_equal(around[:, :, 1:-1, 1:-2], whole)
        around[:, :, 1:-1, 1:-2] = 7
        assert (around == 7).all()


@pytest.mark.parametrize("sizes", WIDE + LANES + PAIRED_PLANES, ids=str)
def test_infinite_weights_meet_the_zeros_around_the_image(sizes):
    x, w, b, y = arrays_of(*sizes)
    w[0, 0, 0, 0] = w[-1, 0, -1, -1] = np.inf
    settings = (sizes[5],) * 2, sizes[6], (1, 1), sizes[1]
    exact = y.astype(np.float64)
    with np.errstate(invalid="ignore"):
        conv2d_forward(*(each.astype(np.float64) for each in (x, w, b)), exact, *settings)
        for isa in _native.isas:
            with native_isa(isa):
                conv2d_forward(x, w, b, y, *settings)
                np.testing.assert_array_equal(np.isnan(y), np.isnan(exact))
