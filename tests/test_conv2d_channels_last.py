import numpy as np
import pytest
from checks import check_kernel, check_threads

from pydl import _native
from pydl.op import native_isa
from pydl.ops.conv2d import conv2d_forward
from pydl.ops.conv2d_channels_last import (
    channels_last,
    conv2d_channels_last,
    conv2d_channels_last_winograd,
    pack_filters,
    suits_winograd,
    transform_filters,
)


def randn(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


def expected(x, w, b, add, stride, dilation, relu):
    """In float64, by conv2d."""
    y = np.empty(add.shape)
    conv2d_forward(x.astype(float), w.astype(float), b.astype(float), y, stride, (0, 0, 0, 0), dilation, 1)
    return np.maximum(y + add, 0) if relu else y + add


@pytest.mark.parametrize("kernel", [conv2d_channels_last, conv2d_channels_last_winograd], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=80)


def test_by_hand():
    """One pixel of two channels, two taps side by side: 1*1 + 2*10 + 3*100 + 4*1000, the bias and the sum."""
    x = channels_last(np.array([[[[1, 3]], [[2, 4]]]], np.float32))
    w = np.array([[[[1, 100]], [[10, 1000]]]], np.float32)
    y = np.empty((1, 1, 1, 1), np.float32)
    add = np.full_like(y, -5000)
    conv2d_channels_last(x, pack_filters(w), np.float32([7]), add, y, (1, 1), (1, 1), False)
    assert y.item() == 4321 + 7 - 5000
    conv2d_channels_last(x, pack_filters(w), np.float32([7]), add, y, (1, 1), (1, 1), True)
    assert y.item() == 0


# x, filters, stride, dilation
SHAPES = [
    ((1, 16, 34, 34), (16, 16, 3, 3), (1, 1), (1, 1)),
    ((7, 20, 12, 12), (40, 20, 5, 5), (1, 1), (1, 1)),
    ((3, 64, 15, 16), (70, 64, 3, 3), (2, 2), (1, 1)),
    ((33, 19, 9, 9), (33, 19, 1, 1), (1, 1), (1, 1)),
    ((2, 24, 40, 21), (24, 24, 3, 2), (1, 3), (2, 3)),
    ((1, 300, 7, 7), (130, 300, 3, 3), (1, 1), (1, 1)),
    ((2, 1, 60, 50), (20, 1, 5, 5), (1, 1), (1, 1)),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("x", "w", "stride", "dilation"), SHAPES)
def test_every_place_of_larger_maps(x, w, stride, dilation, dtype):
    """Tasks that end inside a row or an image, several panels, frames inside larger ones."""
    size = [(x[2 + d] - dilation[d] * (w[2 + d] - 1) - 1) // stride[d] + 1 for d in range(2)]
    x, b, w = channels_last(randn(*x).astype(dtype)), randn(w[0]).astype(dtype), randn(*w).astype(dtype)
    add = channels_last(randn(len(x), len(w), *size).astype(dtype))
    around = np.full((len(x), size[0] + 3, size[1] + 2, len(w)), 5, dtype)
    y = around[:, 1:-2, 1:-1].transpose(0, 3, 1, 2)
    right = expected(x, w, b, add, stride, dilation, True)
    limit = (1e-5 if dtype == np.float32 else 1e-13) * np.abs(right).max()
    arguments = {"x": x, "w": pack_filters(w), "b": b, "add": add, "y": y}
    for isa in _native.isas:
        with native_isa(isa):
            y[...] = np.nan
            conv2d_channels_last(*arguments.values(), stride, dilation, True)
            np.testing.assert_allclose(y, right, rtol=0, atol=limit, err_msg=isa)
            check_threads(conv2d_channels_last, arguments | {"stride": stride, "dilation": dilation, "relu": True})
            if w.shape[2:] != (3, 3) or stride != (1, 1) or dilation != (1, 1):
                continue
            y[...] = np.nan
            u = transform_filters(w)
            conv2d_channels_last_winograd(x, u, *list(arguments.values())[1:], True)
            np.testing.assert_allclose(y, right, rtol=0, atol=limit, err_msg=isa)
            check_threads(conv2d_channels_last_winograd, {"x": x, "u": u} | arguments | {"relu": True})
    edge = around.copy()
    edge[:, 1:-2, 1:-1] = 5
    assert (edge == 5).all(), "something was written around the outputs"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_special_values_stay_where_they_touch(value):
    """As with the direct method: also for a number that is finite, but would overflow on the way."""
    x, w = channels_last(randn(3, 5, 20, 21)), randn(8, 5, 3, 3) / 100
    y = channels_last(np.zeros((3, 8, 18, 19), np.float32))
    x[1, 2, 7, 9] = value
    conv2d_channels_last_winograd(x, transform_filters(w), pack_filters(w), None, None, y, False)
    touched = np.zeros(y.shape, bool)
    touched[1, :, 5:8, 7:10] = not np.isfinite(np.float32(value))
    np.testing.assert_array_equal(~np.isfinite(y), touched)


def test_where_winograd_is_used():
    w, one = np.zeros((64, 64, 3, 3), np.float32), (1, 1)
    assert suits_winograd(w, (1, 64, 8, 8), one, one)
    assert not suits_winograd(w.astype(float), (1, 64, 8, 8), one, one)
    assert not suits_winograd(w, (1, 64, 8, 8), (2, 2), one)
    assert not suits_winograd(w, (1, 64, 8, 8), one, (2, 2))
    assert not suits_winograd(w[:, :, :2], (1, 64, 8, 8), one, one)
    assert not suits_winograd(w[:, :3], (1, 64, 32, 32), one, one)
    wide = np.broadcast_to(np.float32(0), (512, 512, 3, 3))
    assert not suits_winograd(wide, (1, 512, 4, 4), one, one), "the transformed filters would take longer to read"


GIVEN = {
    "x": channels_last(np.zeros((1, 2, 8, 8), np.float32)),
    "w": pack_filters(np.zeros((4, 2, 3, 3), np.float32)),
    "b": None,
    "add": None,
    "y": channels_last(np.zeros((1, 4, 6, 6), np.float32)),
}


@pytest.mark.parametrize(
    "change",
    [
        {"x": np.zeros((1, 2, 8, 8), np.float32)},
        {"x": channels_last(np.zeros((1, 3, 8, 8), np.float32))},
        {"w": np.zeros((2, 3, 3, 2, 16), np.float32)},
        {"w": np.zeros((1, 3, 3, 2, 3), np.float32)},
        {"w": np.zeros((1, 3, 3, 2, 32), np.float32)[..., ::2]},
        {"b": np.zeros(5, np.float32)},
        {"b": np.zeros(8, np.float32)[::2]},
        {"add": np.zeros((1, 4, 6, 6), np.float32)},
        {"add": channels_last(np.zeros((1, 4, 6, 5), np.float32))},
        {"y": np.zeros((1, 4, 6, 6), np.float32)},
        {"y": channels_last(np.zeros((1, 4, 6, 7), np.float32))},
    ],
    ids=str,
)
def test_native_kernels_check_what_they_are_given(change):
    given = GIVEN | change
    with pytest.raises(ValueError, match=r"^conv2d_channels_last: "):
        conv2d_channels_last.native(*given.values(), (1, 1), (1, 1), False)
    x, *rest = given.values()
    with pytest.raises(ValueError, match=r"^conv2d_channels_last_winograd: "):
        conv2d_channels_last_winograd.native(x, np.zeros((1, 36, 2, 16), np.float32), *rest, False)


def test_more_wrong_arguments():
    for stride, dilation in [((0, 1), (1, 1)), ((1, 2), (1, 1)), ((1, 1), (1, 2)), ((1, 1), (0, 1))]:
        with pytest.raises(ValueError, match=r"^conv2d_channels_last: "):
            conv2d_channels_last.native(*GIVEN.values(), stride, dilation, False)
    x, *rest = GIVEN.values()
    for u in [(1, 36, 2, 32), (1, 16, 2, 16), (2, 36, 2, 16), (1, 36, 3, 16)]:
        with pytest.raises(ValueError, match=r"^conv2d_channels_last_winograd: "):
            conv2d_channels_last_winograd.native(x, np.zeros(u, np.float32), *rest, False)
