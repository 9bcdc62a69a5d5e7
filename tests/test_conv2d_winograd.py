import subprocess
import sys

import numpy as np
import pytest
from checks import check_kernel, check_threads, check_torch, randn
from winograd import GATE, PLACES, SMALL_PLACES, WAYS, needs_winograd

import pydl
from pydl import _native
from pydl.op import native_isa
from pydl.ops.conv2d import conv2d, conv2d_forward
from pydl.ops.conv2d_winograd import (
    conv2d_winograd,
    is_plain,
    winograd_suits_weight,
    winograd_tile,
)

PLAIN = ((1, 1), (1, 1, 1, 1), (1, 1), 1)  # stride, padding, dilation, groups


def result(x, w, padding, dilation):
    """The shape of the convolution."""
    reach = w.shape[2] - 1
    size = (x.shape[2 + axis] + sum(padding[2 * axis :][:2]) - reach * dilation[axis] for axis in range(2))
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


def test_native_equals_reference():
    check_kernel(conv2d_winograd, examples=60)


@pytest.mark.parametrize(("taps", "tile"), WAYS)
@pytest.mark.parametrize("inputs", ["normal", "positive"])
@pytest.mark.parametrize(("channels", "size"), [(3, 40), (16, 31), (64, 28), (256, 13)])
def test_accuracy(channels, size, inputs, taps, tile):
    x = randn(2, channels, size, size)
    if inputs == "positive":  # as they come out of a ReLU, with the mean that a bias gives them
        x = np.maximum(x + 1, 0)
    w, padding = randn(24, channels, taps, taps), (taps // 2,) * 4
    expected = direct(x, w, None, padding)
    for isa in _native.isas:
        with native_isa(isa):
            error = winograd(x, w, None, padding, tile) - expected
        whole, largest = GATE[tile]
        assert np.linalg.norm(error) <= whole * np.linalg.norm(expected), isa
        assert np.abs(error).max() <= largest * np.abs(expected).max(), isa


@pytest.mark.parametrize(
    ("x", "filters", "padding", "taps", "tile"),
    [
        (x, filters, tuple(zeros + taps // 2 - 1 for zeros in padding), taps, tile)
        for x, filters, padding in PLACES
        for taps, tile in WAYS
    ]
    + [(*place, 5, 4) for place in SMALL_PLACES],
)
def test_every_place_of_larger_maps(x, filters, padding, taps, tile):
    """Maps whose tiles are cut off at the edge, tasks that end inside a row, panels that span several images."""
    x, w, b = randn(*x), randn(filters, x[1], taps, taps), randn(filters)
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


@pytest.mark.parametrize(("taps", "tile"), WAYS)
@pytest.mark.parametrize(
    ("dilation", "groups", "padding"), [((2, 2), 1, (2, 2, 2, 2)), ((3, 2), 2, (0, 1, 3, 2)), ((1, 1), 3, (1, 1, 1, 1))]
)
def test_dilation_and_groups(dilation, groups, padding, taps, tile):
    x, w, b = randn(3, 12 * groups, 31, 26), randn(17 * groups, 12, taps, taps), randn(17 * groups)
    expected = direct(x, w, b, padding, dilation, groups)
    for isa in _native.isas:
        with native_isa(isa):
            y = winograd(x, w, b, padding, tile, dilation, groups)
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5 * np.abs(expected).max(), err_msg=isa)
    settings = {"padding": padding, "dilation": dilation, "groups": groups, "tile": tile}
    check_threads(conv2d_winograd, {"x": x, "w": w, "b": b, "y": expected.astype(np.float32)} | settings)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
@pytest.mark.parametrize(("taps", "tile"), WAYS)
def test_special_values_stay_where_they_touch(value, taps, tile):
    """As with the direct method: also for a number that is finite, but would overflow on the way."""
    x, w, reach = randn(3, 5, 20, 21), randn(8, 5, taps, taps) / 100, taps // 2
    clean = winograd(x, w, None, (reach,) * 4, tile)
    x[1, 2, 7, 9] = value
    y = winograd(x, w, None, (reach,) * 4, tile)
    touched = np.zeros(y.shape, bool)
    touched[1, :, 7 - reach : 8 + reach, 9 - reach : 10 + reach] = not np.isfinite(np.float32(value))
    np.testing.assert_array_equal(~np.isfinite(y), touched)
    np.testing.assert_array_equal(y[[0, 2]], clean[[0, 2]], err_msg="other images keep their bits")
    np.testing.assert_allclose(y[1, :, 10:], clean[1, :, 10:], rtol=0, atol=4e-6)
    w[3, 0, 1, 1] = value
    x[1, 2, 7, 9] = 0
    y = winograd(x, w, None, (reach,) * 4, tile)
    if not np.isfinite(np.float32(value)):
        np.testing.assert_array_equal(np.isfinite(y).all((0, 2, 3)), np.arange(8) != 3)


@pytest.mark.parametrize(
    ("shape", "filters", "taps", "padding", "dilation", "groups"),
    [
        ((33, 12, 14, 13), 20, 3, 1, 1, 1),
        ((9, 10, 29, 23), 9, 3, 0, 1, 1),
        ((8, 11, 28, 28), 8, 3, 2, 1, 1),
        ((3, 33, 40, 41), 32, 3, "same", 1, 1),
        ((4, 40, 60, 61), 36, 3, 3, (3, 2), 1),
        ((3, 66, 30, 31), 72, 3, 1, 1, 2),
        ((3, 190, 9, 15), 200, 3, 1, 1, 1),
        ((17, 20, 12, 12), 40, 5, 0, 1, 1),
        ((3, 66, 24, 27), 72, 5, "same", (1, 2), 2),
    ],
)
def test_torch(shape, filters, taps, padding, dilation, groups):
    """conv2d and its gradients, of sizes for which it takes this way in float32 (and never in float64)."""
    torch = pytest.importorskip("torch")
    x, w, b = randn(*shape), randn(filters, shape[1] // groups, taps, taps), randn(filters)
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
    assert winograd_tile(w, (64, 64, 2, 2)) == 2, "large tiles would be mostly empty"
    assert winograd_tile(w, (8, 64, 56, 56), (2, 2)) == 4
    assert winograd_tile(w, (1, 64, 14, 14), (3, 3)) == 0, "every part has 9 tiles"
    assert winograd_tile(w, (8, 128, 28, 28), (1, 1), 2) == 4
    assert winograd_tile(w, (1, 64, 4, 4)) == 0
    assert winograd_tile((2, 64, 3, 3), (8, 2, 28, 28)) == 0
    assert winograd_tile((128, 4, 3, 3), (4, 128, 28, 28), (1, 1), 32) == 0, "groups of few filters"
    assert is_plain((40, 20, 5, 5), 4, ones)
    assert not is_plain((40, 20, 5, 5), 4, (2, 2))
    assert winograd_tile((40, 20, 5, 5), (64, 40, 8, 8)) == 4
    assert winograd_tile((20, 40, 5, 5), (64, 20, 12, 12), ones, 1, (64, 40, 8, 8)) == 4
    assert winograd_tile((40, 20, 5, 5), (1, 40, 2, 2)) == 0, "most of every tile would be empty"
    assert winograd_tile((40, 20, 5, 5), (1, 40, 8, 8)) == 0, "filters would be transformed for four tiles"
    assert winograd_tile((20, 40, 5, 5), (1, 20, 12, 12), ones, 1, (1, 40, 8, 8)) == 0
    assert winograd_tile((20, 1, 5, 5), (64, 20, 24, 24)) == 0
    assert winograd_tile(many, (8, 1024, 28, 28)) == 2, "large tiles' filters would take 144 MiB"
    assert not winograd_suits_weight(many, (8, 1024, 28, 28))
    assert winograd_suits_weight(w, map28)
    assert winograd_suits_weight((16, 16, 3, 3), (8, 16, 32, 32))
    assert not winograd_suits_weight((1, 1, 3, 3), (8, 1, 28, 28))
    assert winograd_suits_weight((40, 20, 5, 5), (64, 40, 8, 8))
    assert not winograd_suits_weight((20, 1, 5, 5), (64, 20, 24, 24))
    assert not winograd_suits_weight((16, 3, 5, 5), (8, 16, 64, 64))
    assert winograd_suits_weight((64, 3, 5, 5), (8, 64, 64, 64))
    assert not winograd_suits_weight(w, (1, 64, 4, 4))


@needs_winograd
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
        {"w": np.zeros((4, 2, 5, 5), np.float32), "y": np.zeros((1, 4, 4, 4), np.float32), "tile": 2},
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
