import numpy as np
import pytest
from checks import check_torch, randn
from winograd import check_places

from pydl.ops.conv3d import conv3d, conv3d_forward, conv3d_input_gradient, conv3d_weight_gradient
from pydl.ops.conv3d_winograd import (
    conv3d_winograd,
    conv3d_winograd_gradient,
    conv3d_winograd_weight,
    suits_gradient,
    suits_weight,
    volume_tile,
)

ONES = (1, 1, 1)


@pytest.mark.parametrize(
    ("shape", "filters", "stride", "padding"),
    [
        ((2, 5, 7, 21, 18), (19, 5, 3, 3, 3), 2, (1, 1, 1, 1, 1, 1)),
        ((1, 33, 6, 13, 14), (17, 33, 2, 4, 4), 1, (0, 2, 1, 1, 1, 1)),
        ((3, 9, 5, 12, 9), (33, 9, 1, 3, 3), 3, (0, 0, 1, 0, 1, 1)),
        ((2, 3, 5, 26, 19), (9, 3, 3, 7, 7), 1, (1, 1, 3, 3, 3, 3)),
        ((2, 4, 2, 9, 10), (7, 4, 1, 3, 3), 5, (2, 2, 1, 1, 1, 1)),
    ],
)
def test_accuracy_of_every_place(shape, filters, stride, padding):
    x, w, b = randn(*shape), randn(*filters), randn(filters[0])
    steps = (stride, 2, 2)
    size = [(shape[2 + k] + sum(padding[2 * k :][:2]) - filters[2 + k]) // steps[k] + 1 for k in range(3)]
    y, dx, dw, db = np.empty((shape[0], filters[0], *size)), np.empty(shape), np.empty(filters), np.empty(filters[0])
    dy = randn(*y.shape)
    exact_x, exact_w, exact_b, exact_dy = (a.astype(float) for a in (x, w, b, dy))
    conv3d_forward(exact_x, exact_w, exact_b, y, steps, padding, ONES, 1)
    conv3d_input_gradient(exact_dy, exact_w, dx, steps, padding, ONES, 1)
    conv3d_weight_gradient(exact_dy, exact_x, dw, db, steps, padding, ONES, 1)
    settings = {"stride": steps, "padding": padding}
    check_places(conv3d_winograd, {"x": x, "w": w, "b": b, "y": y}, settings | {"tile": 4})
    check_places(conv3d_winograd_gradient, {"dy": dy, "w": w, "b": None, "dx": dx}, settings)
    check_places(conv3d_winograd_weight, {"dy": dy, "x": x, "dw": dw, "db": db}, settings)


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_special_values_stay_where_they_touch(value):
    """As they do in the direct sums."""
    x, w = randn(2, 5, 6, 12, 13), randn(8, 5, 3, 3, 3) / 100
    steps, padding = (2, 2, 2), (1,) * 6
    x[1, 2, 3, 7, 9] = value
    dy = randn(2, 8, 3, 6, 7)
    dy[1, 3, 1, 2, 4] = value
    y, dx, dw = np.empty_like(dy), np.empty_like(x), np.empty_like(w)
    conv3d_winograd(x, w, None, y, steps, padding, 4)
    conv3d_winograd_gradient(dy, w, None, dx, steps, padding)
    conv3d_winograd_weight(dy, x, dw, None, steps, padding)
    expected = np.empty_like(y), np.empty_like(x), np.empty_like(w)
    conv3d_forward(x, w, None, expected[0], steps, padding, ONES, 1)
    conv3d_input_gradient(dy, w, expected[1], steps, padding, ONES, 1)
    conv3d_weight_gradient(dy, x, expected[2], None, steps, padding, ONES, 1)
    for got, exact in zip((y, dx, dw), expected, strict=True):
        np.testing.assert_array_equal(np.isfinite(got), np.isfinite(exact))


@pytest.mark.parametrize(
    ("shape", "filters", "stride", "padding"),
    [
        ((2, 32, 5, 46, 45), (66, 32, 3, 3, 3), 2, 1),
        ((2, 24, 6, 30, 31), (33, 24, 2, 4, 4), (1, 2, 2), (0, 1, 1)),
        ((2, 3, 4, 40, 41), (24, 3, 3, 7, 7), (1, 2, 2), (1, 3, 3)),
    ],
)
def test_torch(shape, filters, stride, padding):
    """conv3d and its gradients, of sizes for which it takes this way in float32 (and never in float64)."""
    torch = pytest.importorskip("torch")
    x, w, b = randn(*shape), randn(*filters), randn(filters[0])
    y = conv3d(x, w, b, stride=stride, padding=padding).shape
    assert volume_tile(w.shape, y, 2)
    if filters[3] < 7:
        assert suits_gradient(w.shape, x.shape, y, stride if isinstance(stride, int) else stride[0])
        assert suits_weight(w.shape, y, 2)
    check_torch(
        lambda x, w, b: conv3d(x, w, b, stride=stride, padding=padding),
        lambda x, w, b: torch.nn.functional.conv3d(x, w, b, stride=stride, padding=padding),
        x,
        w,
        b,
    )


def test_where_it_is_used():
    w, y = (64, 64, 3, 3, 3), (2, 64, 4, 20, 20)
    assert volume_tile(w, y, 2)
    assert suits_gradient(w, (2, 64, 8, 40, 40), y, 2)
    assert suits_weight(w, y, 2)
    assert not volume_tile((2048, 2048, 3, 3, 3), (2, 2048, 4, 14, 14), 2), "the filters would be too large"
    assert not volume_tile((64, 64, 3, 3, 3), (1, 64, 1, 2, 2), 2), "most of every tile would be empty"


@pytest.mark.parametrize(
    "change",
    [
        {"stride": (2, 2, 1)},
        {"stride": (1, 3, 3)},
        {"padding": (0, 0, 0, 0, 0, 2)},
        {"w": np.zeros((4, 2, 3, 3, 2), np.float32)},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "kernel", [conv3d_winograd, conv3d_winograd_gradient, conv3d_winograd_weight], ids=lambda k: k.name
)
def test_native_kernels_check_what_they_are_given(kernel, change):
    given = {
        "x": np.zeros((1, 2, 5, 8, 8), np.float32),
        "dy": np.zeros((1, 4, 3, 3, 3), np.float32),
        "w": np.zeros((4, 2, 3, 3, 3), np.float32),
        "b": None,
        "db": None,
        "y": np.zeros((1, 4, 3, 3, 3), np.float32),
        "dx": np.zeros((1, 2, 5, 8, 8), np.float32),
        "stride": (1, 2, 2),
        "padding": (0, 0, 0, 0, 0, 0),
        "tile": 4,
    } | change
    given["dw"] = given["w"]
    with pytest.raises(ValueError, match=r"^conv3d_winograd"):
        kernel.native(*(given[name] for name in kernel.arguments))


def test_tiles_of_two_have_no_stride():
    x, w, y = np.zeros((1, 2, 5, 8, 8)), np.zeros((4, 2, 3, 3, 3)), np.zeros((1, 4, 3, 3, 3))
    with pytest.raises(ValueError, match="tile must be 4, or 2 for 3x3 without stride"):
        conv3d_winograd.native(x, w, None, y, (1, 2, 2), (0,) * 6, 2)
