import numpy as np
import pytest
from checks import check_kernel, check_threads, randn
from winograd import GATE, PLACES

import pydl
from pydl import _native
from pydl.op import native_isa
from pydl.ops.conv2d import conv2d_weight_gradient
from pydl.ops.conv2d_winograd import conv2d_winograd_weight


def direct_weight(dy, x, w_shape, padding, dilation=(1, 1)):
    dw, db = np.empty(w_shape), np.empty(w_shape[0])
    conv2d_weight_gradient(dy.astype(float), x.astype(float), dw, db, (1, 1), padding, dilation, 1)
    return dw, db


def winograd_weight(dy, x, w_shape, padding, dilation=(1, 1)):
    dw, db = np.full(w_shape, np.nan, x.dtype), np.full(w_shape[0], np.nan, x.dtype)
    conv2d_winograd_weight(dy, x, dw, db, padding, dilation)
    return dw, db


def test_native_equals_reference():
    check_kernel(conv2d_winograd_weight, examples=60)


@pytest.mark.parametrize("taps", [3, 5])
@pytest.mark.parametrize("inputs", ["normal", "positive"])
@pytest.mark.parametrize(("channels", "size"), [(3, 40), (64, 28), (300, 9)])
def test_accuracy_of_the_weight(channels, size, inputs, taps):
    x, dy = randn(4, channels, size, size), randn(4, 24, size, size)
    if inputs == "positive":
        x = np.maximum(x + 1, 0)
    padding = (taps // 2,) * 4
    expected, bias = direct_weight(dy, x, (24, channels, taps, taps), padding)
    for isa in _native.isas:
        with native_isa(isa):
            dw, db = winograd_weight(dy, x, expected.shape, padding)
        assert np.linalg.norm(dw - expected) <= GATE[4][0] * np.linalg.norm(expected), isa
        assert np.abs(dw - expected).max() <= GATE[4][1] * np.abs(expected).max(), isa
        np.testing.assert_allclose(db, bias, rtol=0, atol=1e-6 * np.abs(bias).max(), err_msg=isa)


@pytest.mark.parametrize(("taps", "dilation"), [(3, (2, 2)), (3, (1, 3)), (3, (4, 2)), (5, (2, 1)), (5, (3, 2))])
def test_dilated_taps(taps, dilation):
    padding = 2, 9, 0, 5
    x, dy = randn(3, 19, 21, 26), randn(3, 24, *(32 - (taps - 1) * d for d in dilation))
    dy = dy[..., : 31 - (taps - 1) * dilation[1]]
    expected, bias = direct_weight(dy, x, (24, 19, taps, taps), padding, dilation)
    for isa in _native.isas:
        with native_isa(isa):
            dw, db = winograd_weight(dy, x, expected.shape, padding, dilation)
            other, _ = winograd_weight(
                np.asfortranarray(dy), x[..., ::-1].copy()[..., ::-1], expected.shape, padding, dilation
            )
        np.testing.assert_allclose(dw, expected, rtol=0, atol=1e-5 * np.abs(expected).max(), err_msg=isa)
        np.testing.assert_array_equal(other, dw, err_msg=isa)
        np.testing.assert_allclose(db, bias, rtol=0, atol=2e-6 * np.abs(bias).max(), err_msg=isa)
    dy = dy.copy()
    check_threads(
        conv2d_winograd_weight, {"dy": dy, "x": x, "dw": dw, "db": db, "padding": padding, "dilation": dilation}
    )
    # An infinite pixel, which meets no slopes of all parts of the map, and an infinite slope.
    x[0, 3, -1, -1] = np.inf
    with np.errstate(invalid="ignore"):
        expected, _ = direct_weight(dy, x, expected.shape, padding, dilation)
        dw, _ = winograd_weight(dy, x, expected.shape, padding, dilation)
    np.testing.assert_array_equal(np.isfinite(dw), np.isfinite(expected))


@pytest.mark.parametrize("taps", [3, 5])
@pytest.mark.parametrize(("x", "filters", "padding"), PLACES)
def test_every_pixel_of_larger_maps_counts_for_the_weight(x, filters, padding, taps):
    dy = randn(x[0], filters, x[2] + sum(padding[:2]) - 2, x[3] + sum(padding[2:]) - 2)
    padding = tuple(zeros + taps // 2 - 1 for zeros in padding)
    x = randn(*x)
    expected, bias = direct_weight(dy, x, (filters, x.shape[1], taps, taps), padding)
    for isa in _native.isas:
        with native_isa(isa):
            dw, db = winograd_weight(dy, x, expected.shape, padding)
            # Arrays of other layouts take another way into the frames.
            other, _ = winograd_weight(np.asfortranarray(dy), x[..., ::-1].copy()[..., ::-1], expected.shape, padding)
        np.testing.assert_allclose(dw, expected, rtol=0, atol=1e-5 * np.abs(expected).max(), err_msg=isa)
        np.testing.assert_array_equal(other, dw, err_msg=isa)
        np.testing.assert_allclose(db, bias, rtol=0, atol=2e-6 * np.abs(bias).max(), err_msg=isa)
    check_threads(
        conv2d_winograd_weight, {"dy": dy, "x": x, "dw": dw, "db": db, "padding": padding, "dilation": (1, 1)}
    )


@pytest.mark.parametrize(("x", "filters", "taps"), [((24, 64, 32, 32), 64, 5), ((66, 3, 33, 32), 5, 3)])
def test_several_rounds_of_chunks(x, filters, taps):
    padding = (taps // 2,) * 4
    x, dy = randn(*x), randn(x[0], filters, *x[2:])
    expected, bias = direct_weight(dy, x, (filters, x.shape[1], taps, taps), padding)
    for isa in _native.isas:
        with native_isa(isa):
            dw, db = winograd_weight(dy, x, expected.shape, padding)
        assert np.linalg.norm(dw - expected) <= GATE[4][0] * np.linalg.norm(expected), isa
        np.testing.assert_allclose(db, bias, rtol=0, atol=1e-5 * np.abs(bias).max(), err_msg=isa)
    first = check_threads(
        conv2d_winograd_weight, {"dy": dy, "x": x, "dw": dw, "db": db, "padding": padding, "dilation": (1, 1)}
    )
    before = pydl.get_num_threads()
    pydl.set_num_threads(9)  # more than there are chunks in a round, so that threads share these
    try:
        dw, _ = winograd_weight(dy, x, expected.shape, padding)
    finally:
        pydl.set_num_threads(before)
    np.testing.assert_array_equal(dw, first["dw"])


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
@pytest.mark.parametrize("taps", [3, 5])
def test_special_values_reach_the_weights_that_meet_them(value, taps):
    x, dy = randn(2, 3, 12, 12), randn(2, 5, 12, 12) / 1000
    x[1, 2, 0, 5] = value  # a pixel of the first row, which the lower taps of a filter do not meet
    dw, _ = winograd_weight(dy, x, (5, 3, taps, taps), (taps // 2,) * 4)
    touched = np.zeros(dw.shape, bool)
    touched[:, 2, : taps // 2 + 1] = not np.isfinite(np.float32(value))
    np.testing.assert_array_equal(~np.isfinite(dw), touched)


@pytest.mark.parametrize(
    "change",
    [
        {"dw": np.zeros((4, 2, 3, 2), np.float32)},
        {"dw": np.zeros((4, 3, 3, 3), np.float32)},
        {"db": np.zeros(5, np.float32)},
        {"dy": np.zeros((1, 4, 5, 7), np.float32)},
        {"padding": (0, 0, -1, 0)},
        {"dilation": (1, 2)},
    ],
    ids=str,
)
def test_native_kernel_of_the_weight_checks_what_it_is_given(change):
    given = {
        "dy": np.zeros((1, 4, 6, 6), np.float32),
        "x": np.zeros((1, 2, 8, 8), np.float32),
        "dw": np.zeros((4, 2, 3, 3), np.float32),
        "db": None,
        "padding": (0, 0, 0, 0),
        "dilation": (1, 1),
    }
    with pytest.raises(ValueError, match=r"^conv2d_winograd_weight: "):
        conv2d_winograd_weight.native(*(given | change).values())
