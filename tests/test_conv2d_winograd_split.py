import numpy as np
import pytest
from checks import check_kernel, check_torch, randn
from winograd import check_places, direct

from pydl.ops.conv2d import conv2d
from pydl.ops.conv2d_winograd_split import (
    conv2d_winograd_split,
    conv2d_winograd_split_gradient,
    conv2d_winograd_split_weight,
    split,
    suits_split,
    suits_split_gradient,
    suits_split_weight,
)
from pydl.ops.conv_transpose2d import conv_transpose2d

KERNELS = [conv2d_winograd_split, conv2d_winograd_split_gradient, conv2d_winograd_split_weight]


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=40)


@pytest.mark.parametrize(
    ("x", "filters", "taps", "stride", "padding"),
    [
        ((2, 5, 31, 38), 19, (5, 5), (2, 2), (2, 2, 2, 2)),
        ((1, 3, 60, 71), 17, (11, 11), (4, 4), (2, 3, 1, 2)),
        ((1, 7, 23, 20), 18, (7, 8), (1, 1), (3, 3, 0, 4)),
        ((3, 4, 19, 30), 5, (5, 8), (2, 3), (0, 3, 2, 1)),
        ((2, 3, 45, 38), 40, (7, 7), (2, 2), (3, 3, 3, 3)),
        ((1, 20, 40, 33), 17, (11, 7), (3, 2), (2, 4, 5, 0)),
        ((2, 6, 29, 22), 70, (4, 16), (1, 4), (1, 2, 6, 7)),
        ((5, 2, 16, 9), 9, (8, 5), (2, 2), (9, 1, 7, 8)),
    ],
)
def test_every_place_of_larger_maps(x, filters, taps, stride, padding):
    x, w, b = randn(*x), randn(filters, x[1], *taps), randn(filters)
    output = [(n + sum(padding[2 * k :][:2]) - taps[k]) // stride[k] + 1 for k, n in enumerate(x.shape[2:])]
    dy = randn(len(x), filters, *output)
    y, dx, dw, db = direct(x, w, b, dy, stride, padding)
    step = {"stride": stride, "padding": padding}
    ways = [
        (conv2d_winograd_split, {"x": x, "w": w, "b": b, "y": y}, step | {"groups": 1}),
        (conv2d_winograd_split_weight, {"dy": dy, "x": x, "dw": dw, "db": db}, step),
    ]
    if min(stride) > 1:
        ways.append((conv2d_winograd_split_gradient, {"dy": dy, "w": w, "b": None, "dx": dx}, step | {"groups": 1}))
    for kernel, arrays, settings in ways:
        check_places(kernel, arrays, settings)


@pytest.mark.parametrize("taps", [5, 7])
@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_special_values_stay_where_they_touch(value, taps):
    before = taps // 2
    x, w, padding = randn(3, 5, 20, 21), randn(8, 5, taps, taps) / 100, (before,) * 4
    y, dx, dw = np.empty((3, 8, 10, 11), np.float32), np.empty(x.shape, np.float32), np.empty(w.shape, np.float32)
    x[1, 2, 7, 10] = value
    conv2d_winograd_split(x, w, None, y, (2, 2), padding, 1)
    wrong, special = np.zeros(y.shape, bool), not np.isfinite(np.float32(value))
    wrong[1, :, 3 - taps // 7 : 5 + taps // 7, 4:7] = special
    np.testing.assert_array_equal(~np.isfinite(y), wrong)
    dy = randn(*y.shape) / 1000
    conv2d_winograd_split_weight(dy, x, dw, None, (2, 2), padding)
    wrong = np.zeros(dw.shape, bool)
    wrong[:, 2, (7 + before) % 2 :: 2, (10 + before) % 2 :: 2] = special
    np.testing.assert_array_equal(~np.isfinite(dw), wrong)
    dy[1, 2, 3, 5] = value
    conv2d_winograd_split_gradient(dy, w, None, dx, (2, 2), padding, 1)
    wrong = np.zeros(dx.shape, bool)
    wrong[1, :, 6 - before : 7 + before, 10 - before : 11 + before] = special
    np.testing.assert_array_equal(~np.isfinite(dx), wrong)


@pytest.mark.parametrize(
    ("shape", "filters", "taps", "stride", "padding"),
    [((4, 3, 97, 91), 40, 7, 2, 3), ((3, 4, 60, 83), 48, 5, 2, 2), ((2, 3, 180, 171), 33, 11, 4, 2)],
)
def test_gradients_of_first_layers(shape, filters, taps, stride, padding):
    torch = pytest.importorskip("torch")
    x, w, b = randn(*shape), randn(filters, shape[1], taps, taps), randn(filters)
    settings = {"stride": stride, "padding": padding}
    y = conv2d(x, w, b, **settings).shape
    assert suits_split_gradient(w.shape, y, (stride, stride))
    assert suits_split_weight(w.shape, y, (stride, stride))
    check_torch(
        lambda x, w, b: conv2d(x, w, b, **settings),
        lambda x, w, b: torch.nn.functional.conv2d(x, w, b, **settings),
        x,
        w,
        b,
    )


@pytest.mark.parametrize(
    ("shape", "filters", "taps", "stride", "padding", "groups"),
    [
        ((1, 3, 224, 224), 64, 11, 4, 2, 1),
        ((8, 32, 56, 56), 48, 6, 2, 2, 1),
        ((2, 16, 56, 56), 32, 9, 1, 4, 1),
        ((2, 32, 48, 56), 32, 9, 1, 3, 2),
    ],
)
def test_torch(shape, filters, taps, stride, padding, groups):
    torch = pytest.importorskip("torch")
    x, w, b = randn(*shape), randn(filters, shape[1] // groups, taps, taps), randn(filters)
    settings = {"stride": stride, "padding": padding, "groups": groups}
    y = conv2d(x, w, b, **settings).shape
    assert suits_split(w.shape, y, (stride, stride), groups)
    if groups == 1:
        assert suits_split_weight(w.shape, y, (stride, stride))
    check_torch(
        lambda x, w, b: conv2d(x, w, b, **settings),
        lambda x, w, b: torch.nn.functional.conv2d(x, w, b, **settings),
        x,
        w,
        b,
    )


def test_transposed():
    torch = pytest.importorskip("torch")
    x, w, b = randn(8, 48, 28, 28), randn(48, 32, 6, 6), randn(32)
    assert suits_split_gradient(w.shape, x.shape, (2, 2))
    check_torch(
        lambda x, w, b: conv_transpose2d(x, w, b, stride=2, padding=2),
        lambda x, w, b: torch.nn.functional.conv_transpose2d(x, w, b, stride=2, padding=2),
        x,
        w,
        b,
    )


def test_where_it_is_worth_while():
    assert split((64, 3, 11, 11), (4, 4)) == (16, 3)
    assert split((64, 64, 7, 7), (1, 1)) == (9, 3)
    assert split((64, 64, 7, 6), (2, 2)) == (4, 4)
    assert split((64, 64, 9, 9), (2, 2)).parts == 0, "there are more than 4 taps for a step"
    assert split((64, 64, 4, 4), (4, 4)).parts == 0, "nothing would be saved"
    first, y = (64, 3, 7, 7), (8, 64, 112, 112)
    assert suits_split_gradient(first, y, (2, 2))
    assert suits_split_weight(first, y, (2, 2))
    assert not suits_split_weight(first, (1, 64, 5, 5), (2, 2)), "a call takes as long as all sums"
    assert not suits_split((64, 3, 7, 6), y, (2, 2)), "results of 4 taps for a step are not measured"
    assert not suits_split((96, 96, 5, 5), (1, 96, 7, 7), (2, 2)), "there are too few tiles for the filters"


@pytest.mark.parametrize("change", [{"stride": (1, 1)}, {"w": np.zeros((4, 2, 9, 3), np.float32)}], ids=str)
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
def test_native_kernels_check_what_they_are_given(kernel, change):
    given = {
        "x": np.zeros((1, 2, 9, 9), np.float32),
        "dx": np.zeros((1, 2, 9, 9), np.float32),
        "dy": np.zeros((1, 4, 3, 3), np.float32),
        "y": np.zeros((1, 4, 3, 3), np.float32),
        "w": np.zeros((4, 2, 5, 5), np.float32),
        "b": None,
        "db": None,
        "stride": (2, 2),
        "padding": (0, 0, 0, 0),
        "groups": 1,
    } | change
    given["dw"] = given["w"]
    with pytest.raises(ValueError, match=r"^conv2d_winograd_split"):
        kernel.native(*(given[name] for name in kernel.arguments))


def test_strides_of_billions_have_right_results_or_no_memory():
    x, w, step = randn(1, 16, 9, 9), randn(4, 16, 5, 5), ((2**30, 2**30), (0, 0, 0, 0))
    y, dy, dx = np.empty((1, 4, 1, 1), np.float32), randn(1, 4, 1, 1), np.empty(x.shape, np.float32)
    ways = [
        (conv2d_winograd_split, (x, w, None, y), y[0, :, 0, 0], np.einsum("chw,ochw->o", x[0, :, :5, :5], w)),
        (
            conv2d_winograd_split_gradient,
            (dy, w, None, dx),
            dx[0, :, :5, :5],
            np.einsum("o,ochw->chw", dy[0, :, 0, 0], w),
        ),
    ]
    for kernel, arrays, result, expected in ways:
        try:
            kernel.native(*arrays, *step, 1)  # 2^64 * 9 numbers of all parts
        except MemoryError:
            continue
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)
