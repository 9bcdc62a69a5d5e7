import numpy as np
import pytest
from checks import check_kernel, check_threads, check_torch, randn
from winograd import GATE

from pydl import _native
from pydl.op import native_isa
from pydl.ops.conv1d import conv1d
from pydl.ops.conv1d_winograd import (
    conv1d_winograd,
    conv1d_winograd_weight,
    suits_rows,
    suits_rows_weight,
)
from pydl.ops.conv2d import conv2d, conv2d_forward, conv2d_weight_gradient


@pytest.mark.parametrize("kernel", [conv1d_winograd, conv1d_winograd_weight], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=60)


@pytest.mark.parametrize("taps", [3, 5])
@pytest.mark.parametrize(
    ("x", "filters", "padding"),
    [
        ((7, 5, 1, 130), 33, (1, 1)),
        ((11, 18, 3, 7), 19, (2, 0)),
        ((1, 300, 2, 50), 20, (0, 3)),
        ((1, 9, 1, 700), 140, (2, 2)),
    ],
)
def test_every_place_of_longer_sequences(x, filters, padding, taps):
    x, w, b = randn(*x), randn(filters, x[1], 1, taps), randn(filters)
    dy = randn(len(x), filters, x.shape[2], x.shape[3] + sum(padding) - taps + 1)
    y, dw, db = np.empty(dy.shape), np.empty(w.shape), np.empty(filters)
    settings = (1, 1), (0, 0, *padding), (1, 1), 1
    wide_x, wide_w, wide_dy = (each.astype(float) for each in (x, w, dy))
    conv2d_forward(wide_x, wide_w, b.astype(float), y, *settings)
    conv2d_weight_gradient(wide_dy, wide_x, dw, db, *settings)
    for kernel, arrays, given in (
        (conv1d_winograd, {"y": y}, {"x": x, "w": w, "b": b, "y": None, "padding": padding, "groups": 1}),
        (conv1d_winograd_weight, {"dw": dw, "db": db}, {"dy": dy, "x": x, "dw": None, "db": None, "padding": padding}),
    ):
        given = given | {name: np.full(value.shape, np.nan, np.float32) for name, value in arrays.items()}
        for isa in _native.isas:
            with native_isa(isa):
                kernel(*given.values())
            for name, expected in arrays.items():
                error = given[name] - expected
                assert np.linalg.norm(error) <= GATE[4][0] * np.linalg.norm(expected), (name, isa)
                assert np.abs(error).max() <= GATE[4][1] * np.abs(expected).max(), (name, isa)
        check_threads(kernel, given)


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_special_values_stay_where_they_touch(value):
    x, w, dy = randn(3, 5, 2, 40), randn(8, 5, 1, 3) / 100, randn(3, 8, 2, 40) / 1000
    y, dw, special = np.empty(dy.shape, np.float32), np.empty(w.shape, np.float32), not np.isfinite(np.float32(value))
    x[1, 2, 1, 0] = value
    conv1d_winograd(x, w, None, y, (1, 1), 1)
    touched = np.zeros(y.shape, bool)
    touched[1, :, 1, :2] = special
    np.testing.assert_array_equal(~np.isfinite(y), touched)
    conv1d_winograd_weight(dy, x, dw, None, (1, 1))
    touched = np.zeros(dw.shape, bool)
    touched[:, 2, 0, :2] = special
    np.testing.assert_array_equal(~np.isfinite(dw), touched)


@pytest.mark.parametrize(
    ("shape", "filters", "taps", "padding", "groups"),
    [((7, 48, 333), 65, 5, 2, 1), ((4, 64, 200), 96, 3, 0, 1), ((3, 96, 301), 64, 5, 4, 2), ((64, 250), 48, 3, 1, 1)],
)
def test_torch(shape, filters, taps, padding, groups):
    torch = pytest.importorskip("torch")
    x, w, b = randn(*shape), randn(filters, shape[-2] // groups, taps), randn(filters)
    settings = {"padding": padding, "groups": groups}
    y = (1, *conv1d(x, w, b, **settings).shape)[-3:]
    of_rows = (*w.shape[:2], 1, taps), (*y[:2], 1, y[2])
    assert suits_rows(*of_rows, groups)
    if groups == 1:
        assert suits_rows_weight(*of_rows)
    check_torch(
        lambda x, w, b: conv1d(x, w, b, **settings),
        lambda x, w, b: torch.nn.functional.conv1d(x, w, b, **settings),
        x,
        w,
        b,
    )


@pytest.mark.parametrize("order", ["contiguous_format", "channels_last"])
@pytest.mark.parametrize(
    ("size", "taps", "padding", "groups"),
    [
        ((17, 18), (1, 5), (0, 2), 1),
        ((17, 18), (5, 1), (1, 0), 1),
        ((24, 9), (3, 1), (1, 0), 2),
        ((9, 24), (1, 3), 0, 1),
    ],
)
def test_rows_and_columns_of_images(size, taps, padding, groups, order):
    torch = pytest.importorskip("torch")
    x, w, b = randn(8, 64, *size), randn(96, 64 // groups, *taps), randn(96)
    if order == "channels_last":
        x = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    settings = {"padding": padding, "groups": groups}
    check_torch(
        lambda x, w, b: conv2d(x, w, b, **settings),
        lambda x, w, b: torch.nn.functional.conv2d(x, w, b, **settings),
        x,
        w,
        b,
    )


def test_where_it_is_worth_while():
    w, y = (64, 64, 1, 5), (16, 64, 1, 1000)
    assert suits_rows(w, y)
    assert suits_rows_weight(w, y)
    assert not suits_rows(w, (1, 64, 1, 5)), "there are too few tiles for the filters"
    assert not suits_rows((64, 1, 1, 5), y)
    assert not suits_rows_weight(w, (16, 64, 1, 2**15)), "a whole sequence would have to be transformed"


@pytest.mark.parametrize("change", [{"w": np.zeros((4, 2, 1, 4), np.float32)}, {"padding": (-1, 0)}], ids=str)
@pytest.mark.parametrize("kernel", [conv1d_winograd, conv1d_winograd_weight], ids=lambda k: k.name)
def test_native_kernels_check_what_they_are_given(kernel, change):
    given = {
        "x": np.zeros((1, 2, 1, 8), np.float32),
        "dy": np.zeros((1, 4, 1, 6), np.float32),
        "w": np.zeros((4, 2, 1, 3), np.float32),
        "b": None,
        "db": None,
        "y": np.zeros((1, 4, 1, 6), np.float32),
        "padding": (0, 0),
        "groups": 1,
    } | change
    given["dw"] = given["w"]
    with pytest.raises(ValueError, match=r"^conv1d_winograd"):
        kernel.native(*(given[name] for name in kernel.arguments))
