import numpy as np
import pytest
from checks import check_kernel, check_torch, randn
from winograd import PLACES, check_places, direct

from pydl.ops.conv2d import conv2d
from pydl.ops.conv2d_winograd_stride import (
    conv2d_winograd_stride,
    conv2d_winograd_stride_gradient,
    conv2d_winograd_stride_weight,
    suits_stride,
    suits_stride_gradient,
    suits_stride_weight,
)
from pydl.ops.conv_transpose2d import conv_transpose2d

KERNELS = [conv2d_winograd_stride, conv2d_winograd_stride_gradient, conv2d_winograd_stride_weight]


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=60)


@pytest.mark.parametrize("taps", [3, 4, 7])
@pytest.mark.parametrize(("x", "filters", "padding"), PLACES)
def test_every_place_of_larger_maps(x, filters, padding, taps):
    padding = tuple(zeros + taps // 2 - 1 for zeros in padding)
    x, w, b = randn(*x), randn(filters, x[1], taps, taps), randn(filters)
    dy = randn(len(x), filters, *((n + sum(padding[2 * k :][:2]) - taps) // 2 + 1 for k, n in enumerate(x.shape[2:])))
    y, dx, dw, db = direct(x, w, b, dy, (2, 2), padding)
    step = {"stride": (2, 2), "padding": padding}
    ways = [(conv2d_winograd_stride, {"x": x, "w": w, "b": b, "y": y}, step | {"groups": 1})]
    if taps < 7:
        ways.append((conv2d_winograd_stride_gradient, {"dy": dy, "w": w, "b": None, "dx": dx}, step | {"groups": 1}))
        ways.append((conv2d_winograd_stride_weight, {"dy": dy, "x": x, "dw": dw, "db": db}, step))
    for kernel, arrays, settings in ways:
        check_places(kernel, arrays, settings)


@pytest.mark.parametrize("taps", [3, 4])
@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_special_values_stay_where_they_touch(value, taps):
    x, w, padding = randn(3, 5, 20, 21), randn(8, 5, taps, taps) / 100, (1, 1, 1, 1)
    y, dx = np.empty((3, 8, (22 - taps) // 2 + 1, (23 - taps) // 2 + 1), np.float32), np.empty(x.shape, np.float32)
    x[1, 2, 7, 10] = value  # under the first row of taps of output 4 and the third of output 3
    conv2d_winograd_stride(x, w, None, y, (2, 2), padding, 1)
    wrong, special = np.zeros(y.shape, bool), not np.isfinite(np.float32(value))
    wrong[1, :, 3:5, 4 + (taps == 3) : 6] = special
    np.testing.assert_array_equal(~np.isfinite(y), wrong)
    dy = randn(*y.shape) / 1000
    dy[1, 2, 3, 5] = value
    conv2d_winograd_stride_gradient(dy, w, None, dx, (2, 2), padding, 1)
    wrong = np.zeros(dx.shape, bool)
    wrong[1, :, 5 : 5 + taps, 9 : 9 + taps] = special
    np.testing.assert_array_equal(~np.isfinite(dx), wrong)
    x[1, 2, 7, 10], dy[1, 2, 3, 5] = 0, 0
    x[1, 2, 0, 10] = value  # a pixel of the first row, which the first row of taps never meets
    dw = np.empty(w.shape, np.float32)
    conv2d_winograd_stride_weight(dy, x, dw, None, (2, 2), padding)
    wrong = np.zeros(dw.shape, bool)
    wrong[:, 2, 1, 1::2] = special
    np.testing.assert_array_equal(~np.isfinite(dw), wrong)


CASES = [
    # input, filters, their size, padding, groups
    ((33, 24, 31, 28), 40, 3, 1, 1),
    ((3, 48, 40, 41), 33, 3, 0, 1),
    ((2, 66, 61, 64), 96, 3, 1, 2),
    ((5, 90, 30, 33), 96, 3, 3, 1),
    ((7, 33, 31, 28), 48, 4, 1, 1),
    ((4, 70, 26, 27), 96, 4, 1, 2),
    ((2, 3, 97, 91), 40, 7, 3, 1),
    ((10, 190, 15, 13), 180, 4, 1, 1),
]


@pytest.mark.parametrize(("shape", "filters", "size", "padding", "groups"), CASES)
def test_torch(shape, filters, size, padding, groups):
    torch = pytest.importorskip("torch")
    x, w, b = randn(*shape), randn(filters, shape[1] // groups, size, size), randn(filters)
    settings = {"stride": 2, "padding": padding, "groups": groups}
    y = conv2d(x, w, b, **settings).shape
    assert suits_stride(w.shape, shape, y, groups)
    if size == 4:
        assert suits_stride_gradient(w.shape, shape, y, groups)
    if size == 4 and groups == 1:
        assert suits_stride_weight(w.shape, y)
    check_torch(
        lambda x, w, b: conv2d(x, w, b, **settings),
        lambda x, w, b: torch.nn.functional.conv2d(x, w, b, **settings),
        x,
        w,
        b,
    )


@pytest.mark.parametrize(
    ("shape", "filters", "settings"),
    [
        ((7, 48, 16, 15), (48, 33, 4, 4), {"padding": 1}),
        ((3, 128, 20, 21), (128, 96, 3, 3), {"padding": 1, "output_padding": 1}),
        ((4, 96, 13, 14), (96, 24, 4, 4), {"padding": 1, "groups": 2}),
    ],
)
def test_torch_transposed(shape, filters, settings):
    torch = pytest.importorskip("torch")
    settings = settings | {"stride": 2}
    x, w, b = randn(*shape), randn(*filters), randn(filters[1] * settings.get("groups", 1))
    y = conv_transpose2d(x, w, b, **settings).shape
    assert suits_stride_gradient(w.shape, y, shape, settings.get("groups", 1))
    check_torch(
        lambda x, w, b: conv_transpose2d(x, w, b, **settings),
        lambda x, w, b: torch.nn.functional.conv_transpose2d(x, w, b, **settings),
        x,
        w,
        b,
    )


def test_where_it_is_worth_while():
    map56, map28, w = (8, 64, 56, 56), (8, 128, 28, 28), (128, 64, 3, 3)
    assert suits_stride(w, map56, map28)
    assert suits_stride_gradient(w, map56, map28)
    assert suits_stride_weight(w, map28)
    assert not suits_stride(w, (1, 64, 10, 10), (1, 64, 5, 5)), "most of every tile would be empty"
    assert not suits_stride((16, 3, 3, 3), map56, map28)
    assert not suits_stride((4096, 1024, 3, 3), map56, (8, 4096, 28, 28)), "the filters would be too large"
    assert suits_stride((64, 3, 7, 7), (8, 3, 224, 224), (8, 64, 112, 112))
    assert not suits_stride_weight((64, 3, 7, 7), (8, 64, 112, 112))


@pytest.mark.parametrize("change", [{"stride": (2, 1)}, {"w": np.zeros((4, 2, 3, 2), np.float32)}], ids=str)
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
def test_native_kernels_check_what_they_are_given(kernel, change):
    given = {
        "x": np.zeros((1, 2, 8, 8), np.float32),
        "dy": np.zeros((1, 4, 3, 3), np.float32),
        "w": np.zeros((4, 2, 3, 3), np.float32),
        "b": None,
        "db": None,
        "y": np.zeros((1, 4, 3, 3), np.float32),
        "dx": np.zeros((1, 2, 8, 8), np.float32),
        "stride": (2, 2),
        "padding": (0, 0, 0, 0),
        "groups": 1,
    } | change
    given["dw"] = given["w"]
    with pytest.raises(ValueError, match=r"^conv2d_winograd_stride"):
        kernel.native(*(given[name] for name in kernel.arguments))
