import numpy as np
import pytest
from checks import check_kernel, check_threads, check_torch, randn
from winograd import needs_winograd

import pydl
from pydl import _native
from pydl.op import native_isa
from pydl.ops.conv3d import conv3d, conv3d_forward, conv3d_weight_gradient
from pydl.ops.conv3d_winograd import (
    conv3d_winograd,
    conv3d_winograd_gradient,
    conv3d_winograd_weight,
    suits_weight,
    volume_tile,
)

ONES = (1, 1, 1)


@pytest.mark.parametrize(
    "kernel", [conv3d_winograd, conv3d_winograd_gradient, conv3d_winograd_weight], ids=lambda k: k.name
)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=40)


# The gate of conv2d_winograd: error relative to the outputs as a whole, and the largest relative to the largest output.
GATE = {2: (1e-6, 2e-6), 4: (3e-6, 1e-5)}


def check_errors(got, expected, tile):
    error = got - expected
    assert np.linalg.norm(error) <= GATE[tile][0] * np.linalg.norm(expected)
    assert np.abs(error).max() <= GATE[tile][1] * np.abs(expected).max()


@pytest.mark.parametrize("inputs", ["normal", "positive"])
@pytest.mark.parametrize(
    ("shape", "filters", "depth", "padding"),
    [
        ((2, 16, 6, 21, 18), 19, 3, (1, 1, 1, 1, 1, 1)),
        ((1, 33, 5, 13, 14), 17, 2, (0, 2, 1, 0, 2, 1)),
        ((3, 9, 4, 12, 9), 33, 1, (0, 0, 1, 1, 1, 1)),
    ],
)
def test_accuracy_of_every_place(shape, filters, depth, padding, inputs):
    x, w, b = randn(*shape), randn(filters, shape[1], depth, 3, 3), randn(filters)
    if inputs == "positive":  # as they come out of a ReLU, with the mean that a bias gives them
        x = np.maximum(x + 1, 0)
    size = [shape[2 + k] + sum(padding[2 * k :][:2]) - w.shape[2 + k] + 1 for k in range(3)]
    expected, dw, db = np.empty((shape[0], filters, *size)), np.empty(w.shape), np.empty(filters)
    dy = randn(*expected.shape)
    conv3d_forward(*(a.astype(float) for a in (x, w, b)), expected, ONES, padding, ONES, 1)
    conv3d_weight_gradient(dy.astype(float), x.astype(float), dw, db, ONES, padding, ONES, 1)
    settings = {"stride": ONES, "padding": padding}
    given = {"x": x, "w": w, "b": b, "y": np.empty_like(dy)} | settings
    given_weight = {"dy": dy, "x": x, "dw": np.empty_like(w), "db": np.empty_like(b)} | settings
    for isa in _native.isas:
        with native_isa(isa):
            for tile in GATE:
                conv3d_winograd(*given.values(), tile)
                check_errors(given["y"], expected, tile)
            conv3d_winograd_weight(*given_weight.values())
            check_errors(given_weight["dw"], dw, 4)
            np.testing.assert_allclose(given_weight["db"], db, rtol=0, atol=2e-6 * np.abs(db).max())
    check_threads(conv3d_winograd, given | {"tile": 4})
    check_threads(conv3d_winograd_weight, given_weight)


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_special_values_stay_where_they_touch(value):
    x, w = randn(2, 5, 6, 12, 13), randn(8, 5, 3, 3, 3) / 100
    x[1, 2, 3, 7, 9] = value
    y = np.empty((2, 8, 6, 12, 13), np.float32)
    conv3d_winograd(x, w, None, y, ONES, (1,) * 6, 4)
    touched = np.zeros(y.shape, bool)
    touched[1, :, 2:5, 6:9, 8:11] = not np.isfinite(np.float32(value))
    np.testing.assert_array_equal(~np.isfinite(y), touched)


@pytest.mark.parametrize(
    ("shape", "filters", "padding"),
    [((2, 32, 5, 14, 13), (40, 32, 3, 3, 3), 1), ((2, 33, 4, 15, 15), (33, 33, 1, 3, 3), 0)],
)
def test_torch(shape, filters, padding):
    """conv3d and its gradients, of sizes for which it takes this way in float32 (and never in float64)."""
    torch = pytest.importorskip("torch")
    x, w, b = randn(*shape), randn(*filters), randn(filters[0])
    y = conv3d(x, w, b, padding=padding).shape
    assert volume_tile(w.shape, y)
    assert suits_weight(w.shape, y)
    check_torch(
        lambda x, w, b: conv3d(x, w, b, padding=padding),
        lambda x, w, b: torch.nn.functional.conv3d(x, w, b, padding=padding),
        x,
        w,
        b,
    )


def test_where_it_is_used():
    w, y = (64, 64, 3, 3, 3), (2, 64, 8, 28, 28)
    assert volume_tile(w, y) == 4
    assert suits_weight(w, y)
    assert volume_tile((64, 64, 1, 3, 3), y) == 4
    assert volume_tile((8, 8, 3, 3, 3), (1, 8, 8, 16, 16)) == 4
    assert volume_tile((2048, 2048, 3, 3, 3), (2, 2048, 8, 28, 28)) == 0, "the filters would be too large"


@needs_winograd
@pytest.mark.parametrize(
    ("shape", "filters", "stride"),
    [((2, 32, 5, 14, 13), 32, 1), ((2, 32, 5, 46, 45), 66, 2)],
    ids=["plain", "stride 2"],
)
def test_switch(winograd_stays, shape, filters, stride):
    x, w = (pydl.tensor(randn(*each), requires_grad=True) for each in (shape, (filters, 32, 3, 3, 3)))
    results = {}
    for enabled in (True, False):
        pydl.set_winograd(enabled)
        y = conv3d(x, w, stride=stride, padding=1)
        pydl.set_winograd(not enabled)  # the gradient keeps to what was decided before
        x.grad = w.grad = None
        y.sum().backward()
        results[enabled] = [a.numpy().copy() for a in (y.detach(), x.grad, w.grad)]
    for fast, exact in zip(results[True], results[False], strict=True):
        assert np.any(fast != exact)
        np.testing.assert_allclose(fast, exact, rtol=0, atol=1e-5 * np.abs(exact).max())


@pytest.mark.parametrize(
    "change",
    [
        {"tile": 3},
        {"w": np.zeros((4, 2, 3, 3, 2), np.float32)},
        {"w": np.zeros((4, 3, 3, 3, 3), np.float32)},
        {"b": np.zeros(5, np.float32)},
        {"y": np.zeros((1, 4, 3, 5, 7), np.float32)},
        {"padding": (0, 0, 0, 0, -1, 0)},
    ],
    ids=str,
)
def test_native_kernel_checks_what_it_is_given(change):
    x, w, y = (np.zeros(shape, np.float32) for shape in ((1, 2, 5, 8, 8), (4, 2, 3, 3, 3), (1, 4, 3, 6, 6)))
    given = {"x": x, "w": w, "b": None, "y": y, "stride": ONES, "padding": (0,) * 6, "tile": 4}
    with pytest.raises(ValueError, match=r"^conv3d_winograd: "):
        conv3d_winograd.native(*(given | change).values())
    weight = {"dy": y, "x": x, "dw": w, "db": None, "stride": ONES, "padding": (0,) * 6}
    for name, into in (("w", "dw"), ("b", "db"), ("y", "dy"), ("padding", "padding")):
        if name in change:
            with pytest.raises(ValueError, match=r"^conv3d_winograd"):
                conv3d_winograd_weight.native(*(weight | {into: change[name]}).values())
