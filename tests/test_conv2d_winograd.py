import subprocess
import sys

import numpy as np
import pytest
from checks import check_kernel, check_threads, check_torch, randn

import pydl
from pydl import _native
from pydl.op import native_isa
from pydl.ops.conv2d import conv2d, conv2d_forward, conv2d_input_gradient, conv2d_weight_gradient
from pydl.ops.conv2d_winograd import (
    conv2d_winograd,
    conv2d_winograd_stride,
    conv2d_winograd_stride_gradient,
    conv2d_winograd_weight,
    is_plain,
    winograd_suits_stride,
    winograd_suits_weight,
    winograd_tile,
)

PLAIN = ((1, 1), (1, 1, 1, 1), (1, 1), 1)  # stride, padding, dilation, groups


def result(x, w, padding, dilation):
    """The shape of the convolution."""
    size = (x.shape[2 + axis] + sum(padding[2 * axis :][:2]) - 2 * dilation[axis] for axis in range(2))
    return len(x), len(w), *size


def direct(x, w, b, padding, dilation=(1, 1), groups=1):
    """The convolution in float64, by the direct method."""
    y = np.empty(result(x, w, padding, dilation))
    b = None if b is None else b.astype(float)
    conv2d_forward(x.astype(float), w.astype(float), b, y, (1, 1), padding, dilation, groups)
    return y


def winograd(x, w, b, padding, tile, dilation=(1, 1), groups=1):
    y = np.full(result(x, w, padding, dilation), np.nan, x.dtype)
    conv2d_winograd(x, w, b, y, padding, dilation, groups, tile)
    return y


def direct_weight(dy, x, w_shape, padding):
    dw, db = np.empty(w_shape), np.empty(w_shape[0])
    conv2d_weight_gradient(dy.astype(float), x.astype(float), dw, db, (1, 1), padding, (1, 1), 1)
    return dw, db


def winograd_weight(dy, x, w_shape, padding):
    dw, db = np.full(w_shape, np.nan, x.dtype), np.full(w_shape[0], np.nan, x.dtype)
    conv2d_winograd_weight(dy, x, dw, db, padding)
    return dw, db


@pytest.mark.parametrize(
    "kernel",
    [conv2d_winograd, conv2d_winograd_weight, conv2d_winograd_stride, conv2d_winograd_stride_gradient],
    ids=lambda k: k.name,
)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=60)


# The gate: error relative to the outputs as a whole, and the largest relative to the largest output.
GATE = {2: (1e-6, 2e-6), 4: (3e-6, 1e-5)}


@pytest.mark.parametrize("tile", [2, 4])
@pytest.mark.parametrize("inputs", ["normal", "positive"])
@pytest.mark.parametrize(("channels", "size"), [(3, 40), (16, 31), (64, 28), (512, 9)])
def test_accuracy(channels, size, inputs, tile):
    x = randn(2, channels, size, size)
    if inputs == "positive":  # as they come out of a ReLU, with the mean that a bias gives them
        x = np.maximum(x + 1, 0)
    w = randn(24, channels, 3, 3)
    expected = direct(x, w, None, (1, 1, 1, 1))
    for isa in _native.isas:
        with native_isa(isa):
            error = winograd(x, w, None, (1, 1, 1, 1), tile) - expected
        whole, largest = GATE[tile]
        assert np.linalg.norm(error) <= whole * np.linalg.norm(expected), isa
        assert np.abs(error).max() <= largest * np.abs(expected).max(), isa


@pytest.mark.parametrize("inputs", ["normal", "positive"])
@pytest.mark.parametrize(("channels", "size"), [(3, 40), (64, 28), (300, 9)])
def test_accuracy_of_the_weight(channels, size, inputs):
    x, dy = randn(4, channels, size, size), randn(4, 24, size, size)
    if inputs == "positive":
        x = np.maximum(x + 1, 0)
    expected, bias = direct_weight(dy, x, (24, channels, 3, 3), (1, 1, 1, 1))
    for isa in _native.isas:
        with native_isa(isa):
            dw, db = winograd_weight(dy, x, expected.shape, (1, 1, 1, 1))
        assert np.linalg.norm(dw - expected) <= GATE[4][0] * np.linalg.norm(expected), isa
        assert np.abs(dw - expected).max() <= GATE[4][1] * np.abs(expected).max(), isa
        np.testing.assert_allclose(db, bias, rtol=0, atol=1e-6 * np.abs(bias).max(), err_msg=isa)


PLACES = [
    ((7, 5, 13, 9), 33, (1, 1, 1, 1)),
    ((33, 18, 7, 7), 19, (1, 1, 1, 1)),
    ((1, 20, 57, 70), 9, (2, 2, 2, 2)),
    ((2, 300, 8, 5), 20, (0, 1, 2, 0)),
    ((3, 9, 3, 30), 140, (0, 0, 5, 6)),
    ((1, 130, 6, 6), 270, (1, 1, 1, 1)),
]


@pytest.mark.parametrize("tile", [2, 4])
@pytest.mark.parametrize(("x", "filters", "padding"), PLACES)
def test_every_place_of_larger_maps(x, filters, padding, tile):
    """Maps whose tiles are cut off at the edge, tasks that end inside a row, panels that span several images."""
    x, w, b = randn(*x), randn(filters, x[1], 3, 3), randn(filters)
    expected = direct(x, w, b, padding)
    for isa in _native.isas:
        with native_isa(isa):
            np.testing.assert_allclose(
                winograd(x, w, b, padding, tile), expected, rtol=0, atol=1e-5 * np.abs(expected).max(), err_msg=isa
            )
    check_threads(
        conv2d_winograd,
        {"x": x, "w": w, "b": b, "y": expected.astype(np.float32), "padding": padding}
        | {"dilation": (1, 1), "groups": 1, "tile": tile},
    )


@pytest.mark.parametrize("tile", [2, 4])
@pytest.mark.parametrize(
    ("dilation", "groups", "padding"), [((2, 2), 1, (2, 2, 2, 2)), ((3, 2), 2, (0, 1, 3, 2)), ((1, 1), 3, (1, 1, 1, 1))]
)
def test_dilation_and_groups(dilation, groups, padding, tile):
    x, w, b = randn(3, 12 * groups, 31, 26), randn(17 * groups, 12, 3, 3), randn(17 * groups)
    expected = direct(x, w, b, padding, dilation, groups)
    for isa in _native.isas:
        with native_isa(isa):
            y = winograd(x, w, b, padding, tile, dilation, groups)
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5 * np.abs(expected).max(), err_msg=isa)
    settings = {"padding": padding, "dilation": dilation, "groups": groups, "tile": tile}
    check_threads(conv2d_winograd, {"x": x, "w": w, "b": b, "y": expected.astype(np.float32)} | settings)


@pytest.mark.parametrize(("x", "filters", "padding"), PLACES)
def test_stride_at_every_place_of_larger_maps(x, filters, padding):
    x, w, b = randn(*x), randn(filters, x[1], 3, 3), randn(filters)
    size = [(length + sum(padding[2 * axis :][:2]) - 3) // 2 + 1 for axis, length in enumerate(x.shape[2:])]
    y, dx = np.empty((len(x), filters, *size)), np.empty(x.shape)
    dy = randn(*y.shape)
    settings = {"stride": (2, 2), "padding": padding, "groups": 1}
    conv2d_forward(x.astype(float), w.astype(float), b.astype(float), y, (2, 2), padding, (1, 1), 1)
    conv2d_input_gradient(dy.astype(float), w.astype(float), dx, (2, 2), padding, (1, 1), 1)
    for kernel, given, out, expected in (
        (conv2d_winograd_stride, {"x": x, "w": w, "b": b}, "y", y),
        (conv2d_winograd_stride_gradient, {"dy": dy, "w": w}, "dx", dx),
    ):
        given = given | {out: np.full(expected.shape, np.nan, np.float32)} | settings
        for isa in _native.isas:
            with native_isa(isa):
                kernel(*given.values())
            error, largest = given[out] - expected, np.abs(expected).max()
            np.testing.assert_allclose(error, 0, rtol=0, atol=1e-5 * largest, err_msg=isa)
            assert np.linalg.norm(error) <= GATE[4][0] * np.linalg.norm(expected), isa
        check_threads(kernel, given)


@pytest.mark.parametrize(("x", "filters", "padding"), PLACES)
def test_every_pixel_of_larger_maps_counts_for_the_weight(x, filters, padding):
    dy = randn(x[0], filters, x[2] + sum(padding[:2]) - 2, x[3] + sum(padding[2:]) - 2)
    x = randn(*x)
    expected, bias = direct_weight(dy, x, (filters, x.shape[1], 3, 3), padding)
    for isa in _native.isas:
        with native_isa(isa):
            dw, db = winograd_weight(dy, x, expected.shape, padding)
            # Arrays of other layouts take another way into the frames.
            other, _ = winograd_weight(np.asfortranarray(dy), x[..., ::-1].copy()[..., ::-1], expected.shape, padding)
        np.testing.assert_allclose(dw, expected, rtol=0, atol=1e-5 * np.abs(expected).max(), err_msg=isa)
        np.testing.assert_array_equal(other, dw, err_msg=isa)
        np.testing.assert_allclose(db, bias, rtol=0, atol=2e-6 * np.abs(bias).max(), err_msg=isa)
    check_threads(conv2d_winograd_weight, {"dy": dy, "x": x, "dw": dw, "db": db, "padding": padding})


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_special_values_reach_the_weights_that_meet_them(value):
    x, dy = randn(2, 3, 12, 12), randn(2, 5, 12, 12) / 1000
    x[1, 2, 0, 5] = value  # a pixel of the first row, which no tap of the lowest row of a filter meets
    dw, _ = winograd_weight(dy, x, (5, 3, 3, 3), (1, 1, 1, 1))
    touched = np.zeros(dw.shape, bool)
    touched[:, 2, :2] = not np.isfinite(np.float32(value))
    np.testing.assert_array_equal(~np.isfinite(dw), touched)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
@pytest.mark.parametrize("tile", [2, 4])
def test_special_values_stay_where_they_touch(value, tile):
    """As with the direct method: also for a number that is finite, but would overflow on the way."""
    x, w = randn(3, 5, 20, 21), randn(8, 5, 3, 3) / 100
    clean = winograd(x, w, None, (1, 1, 1, 1), tile)
    x[1, 2, 7, 9] = value
    y = winograd(x, w, None, (1, 1, 1, 1), tile)
    touched = np.zeros(y.shape, bool)
    touched[1, :, 6:9, 8:11] = not np.isfinite(np.float32(value))
    np.testing.assert_array_equal(~np.isfinite(y), touched)
    np.testing.assert_array_equal(y[[0, 2]], clean[[0, 2]], err_msg="other images keep their bits")
    np.testing.assert_allclose(y[1, :, 10:], clean[1, :, 10:], rtol=0, atol=1e-6)
    w[3, 0, 1, 1] = value
    x[1, 2, 7, 9] = 0
    y = winograd(x, w, None, (1, 1, 1, 1), tile)
    if not np.isfinite(np.float32(value)):
        np.testing.assert_array_equal(np.isfinite(y).all((0, 2, 3)), np.arange(8) != 3)


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_special_values_stay_where_they_touch_with_stride(value):
    x, w, padding = randn(3, 5, 20, 21), randn(8, 5, 3, 3) / 100, (1, 1, 1, 1)
    y, dx = np.empty((3, 8, 10, 11), np.float32), np.empty(x.shape, np.float32)
    x[1, 2, 7, 10] = value  # under the third row of taps of output 3, the first of 4, and the middle column of 5
    conv2d_winograd_stride(x, w, None, y, (2, 2), padding, 1)
    touched = np.zeros(y.shape, bool)
    touched[1, :, 3:5, 5] = not np.isfinite(np.float32(value))
    np.testing.assert_array_equal(~np.isfinite(y), touched)
    dy = randn(*y.shape) / 1000
    dy[1, 2, 3, 5] = value
    conv2d_winograd_stride_gradient(dy, w, dx, (2, 2), padding, 1)
    touched = np.zeros(dx.shape, bool)
    touched[1, :, 5:8, 9:12] = not np.isfinite(np.float32(value))
    np.testing.assert_array_equal(~np.isfinite(dx), touched)


@pytest.mark.parametrize(
    ("shape", "filters", "padding", "groups"),
    [
        ((33, 24, 31, 28), 40, 1, 1),
        ((3, 48, 40, 41), 33, 0, 1),
        ((2, 66, 61, 64), 96, 1, 2),
        ((5, 35, 30, 33), 64, 3, 1),
    ],
)
def test_torch_with_stride(shape, filters, padding, groups):
    torch = pytest.importorskip("torch")
    x, w, b = randn(*shape), randn(filters, shape[1] // groups, 3, 3), randn(filters)
    settings = {"stride": 2, "padding": padding, "groups": groups}
    assert winograd_suits_stride(w.shape, conv2d(x, w, b, **settings).shape, groups)
    check_torch(
        lambda x, w, b: conv2d(x, w, b, **settings),
        lambda x, w, b: torch.nn.functional.conv2d(x, w, b, **settings),
        x,
        w,
        b,
    )


@pytest.mark.parametrize(
    ("shape", "filters", "padding", "dilation", "groups"),
    [
        ((33, 12, 14, 13), 20, 1, 1, 1),
        ((9, 10, 29, 23), 9, 0, 1, 1),
        ((8, 11, 28, 28), 8, 2, 1, 1),
        ((3, 33, 40, 41), 32, "same", 1, 1),
        ((4, 40, 60, 61), 36, 3, (3, 2), 1),
        ((3, 66, 30, 31), 72, 1, 1, 2),
    ],
)
def test_torch(shape, filters, padding, dilation, groups):
    """conv2d and its gradients, of sizes for which it takes this way in float32 (and never in float64)."""
    torch = pytest.importorskip("torch")
    x, w, b = randn(*shape), randn(filters, shape[1] // groups, 3, 3), randn(filters)
    settings = {"padding": padding, "dilation": dilation, "groups": groups}
    y = conv2d(x, w, b, **settings)
    assert winograd_tile(w.shape, y.shape, (dilation, dilation) if isinstance(dilation, int) else dilation, groups)
    check_torch(
        lambda x, w, b: conv2d(x, w, b, **settings),
        lambda x, w, b: torch.nn.functional.conv2d(x, w, b, **settings),
        x,
        w,
        b,
    )


def test_where_it_is_used():
    w, map28, ones, many = (64, 64, 3, 3), (8, 64, 28, 28), (1, 1), (1024, 1024, 3, 3)
    assert is_plain(w, 4, ones)
    assert not is_plain(w, 8, ones), "never for float64"
    assert not is_plain((64, 64, 2, 3), 4, ones)
    assert not is_plain(w, 4, (2, 2))
    assert winograd_tile(w, map28) == 4
    assert winograd_tile(w, (8, 64, 7, 7)) == 4
    assert winograd_tile(w, (8, 64, 6, 6)) == 2, "large tiles would be half empty"
    assert winograd_tile(w, (8, 64, 56, 56), (2, 2)) == 4
    assert winograd_tile(w, (1, 64, 14, 14), (3, 3)) == 0, "every part has 9 tiles"
    assert winograd_tile(w, (8, 128, 28, 28), (1, 1), 2) == 4
    assert winograd_tile(w, (1, 64, 4, 4)) == 0
    assert winograd_tile((4, 64, 3, 3), (8, 4, 28, 28)) == 0
    assert winograd_tile(many, (8, 1024, 28, 28)) == 2, "large tiles' filters would take 144 MiB"
    assert not winograd_suits_weight(many, (8, 1024, 28, 28))
    assert is_plain(w, 4, (2, 2), 2)
    assert winograd_suits_stride(w, map28)
    assert winograd_suits_stride(w, map28, 1, True)
    assert not winograd_suits_stride(w, (1, 64, 5, 5)), "most of every tile would be empty"
    assert not winograd_suits_stride((16, 3, 3, 3), map28)
    assert not winograd_suits_stride(many, (8, 1024, 28, 28))
    assert winograd_suits_weight(w, map28)
    assert winograd_suits_weight((16, 16, 3, 3), (8, 16, 32, 32))
    assert not winograd_suits_weight((8, 16, 3, 3), (8, 8, 28, 28))
    assert not winograd_suits_weight(w, (1, 64, 4, 4))


def test_switch(winograd_stays):
    x, w = (pydl.tensor(randn(*shape), requires_grad=True) for shape in ((2, 32, 30, 30), (32, 32, 3, 3)))
    exact = np.empty((2, 32, 30, 30), np.float32)
    conv2d_forward(x.detach().numpy(), w.detach().numpy(), None, exact, *PLAIN)
    pydl.set_winograd(True)
    y = conv2d(x, w, padding=1)
    y.sum().backward(retain_graph=True)
    fast = x.grad.numpy().copy(), w.grad.numpy().copy()
    assert np.any(y.detach().numpy() != exact)
    pydl.set_winograd(False)
    assert not pydl.get_winograd()
    np.testing.assert_array_equal(conv2d(x, w, padding=1).detach().numpy(), exact)
    x.grad = w.grad = None
    y.sum().backward()
    for got, expected in zip((x.grad, w.grad), fast, strict=True):
        np.testing.assert_array_equal(got.numpy(), expected, err_msg="the gradient keeps to what was decided before")
    x.grad = w.grad = None
    conv2d(x, w, padding=1).sum().backward()
    assert np.any(x.grad.numpy() != fast[0])
    assert np.any(w.grad.numpy() != fast[1])
    with pytest.raises(TypeError, match="set_winograd: enabled must be True or False, not 1"):
        pydl.set_winograd(1)


@pytest.mark.parametrize(("value", "enabled"), [("0", False), ("1", True)])
def test_environment(value, enabled):
    program = "import pydl; print(pydl.get_winograd())"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], env={"PYDL_WINOGRAD": value, "PYTHONPATH": ":".join(sys.path)}, stdout=-1
    )
    assert done.stdout.decode().strip() == str(enabled)


@pytest.mark.parametrize(
    "change",
    [
        {"tile": 3},
        {"w": np.zeros((4, 2, 3, 2), np.float32)},
        {"w": np.zeros((4, 3, 3, 3), np.float32)},
        {"b": np.zeros(5, np.float32)},
        {"y": np.zeros((1, 4, 5, 7), np.float32)},
        {"padding": (0, 0, -1, 0)},
        {"dilation": (1, 2)},
        {"groups": 2},
    ],
    ids=str,
)
def test_native_kernel_checks_what_it_is_given(change):
    given = {
        "x": np.zeros((1, 2, 8, 8), np.float32),
        "w": np.zeros((4, 2, 3, 3), np.float32),
        "b": None,
        "y": np.zeros((1, 4, 6, 6), np.float32),
        "padding": (0, 0, 0, 0),
        "dilation": (1, 1),
        "groups": 1,
        "tile": 4,
    }
    with pytest.raises(ValueError, match=r"^conv2d_winograd: "):
        conv2d_winograd.native(*(given | change).values())


@pytest.mark.parametrize(
    "change",
    [
        {"dw": np.zeros((4, 2, 3, 2), np.float32)},
        {"dw": np.zeros((4, 3, 3, 3), np.float32)},
        {"db": np.zeros(5, np.float32)},
        {"dy": np.zeros((1, 4, 5, 7), np.float32)},
        {"padding": (0, 0, -1, 0)},
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
    }
    with pytest.raises(ValueError, match=r"^conv2d_winograd_weight: "):
        conv2d_winograd_weight.native(*(given | change).values())


@pytest.mark.parametrize("change", [{"stride": (2, 1)}, {"w": np.zeros((4, 2, 3, 2), np.float32)}], ids=str)
@pytest.mark.parametrize("kernel", [conv2d_winograd_stride, conv2d_winograd_stride_gradient], ids=lambda k: k.name)
def test_native_kernels_of_stride_check_what_they_are_given(kernel, change):
    given = {
        "x": np.zeros((1, 2, 8, 8), np.float32),
        "dy": np.zeros((1, 4, 3, 3), np.float32),
        "w": np.zeros((4, 2, 3, 3), np.float32),
        "b": None,
        "y": np.zeros((1, 4, 3, 3), np.float32),
        "dx": np.zeros((1, 2, 8, 8), np.float32),
        "stride": (2, 2),
        "padding": (0, 0, 0, 0),
        "groups": 1,
    } | change
    with pytest.raises(ValueError, match=r"^conv2d_winograd_stride: "):
        kernel.native(*(given[name] for name in kernel.arguments))
