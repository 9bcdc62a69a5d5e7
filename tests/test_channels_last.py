"""Recordings whose images have their channels last: the function's results, whatever surrounds the convolutions."""

from __future__ import annotations

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.nn.functional import conv2d, max_pool2d, relu


def names(captured):
    (recording,) = captured._recordings.values()
    return [kernel.__name__ for kernel, _ in recording.calls]


def check(module, *shape, dtype="float32"):
    """The captured module's results, twice, and after its parameters changed. Returns the kernels it runs."""
    module = module.eval()
    for parameter in module.parameters():
        parameter.data = parameter.data.astype(dtype)
    fast = pydl.capture(module, fold=True)
    for change in range(3):
        if change == 2:
            with pydl.no_grad():
                for parameter in module.parameters():
                    parameter.mul_(0.75)
        x = pydl.tensor(np.random.default_rng(change).standard_normal(shape).astype(dtype))
        with pydl.no_grad():
            right, found = module(x), fast(x)
        if not isinstance(right, tuple | list):
            right, found = [right], [found]
        for one, other in zip(right, found, strict=True):
            assert one.shape == other.shape
            limit = (2e-5 if dtype == "float32" else 1e-12) * max(1.0, np.abs(one.data).max(initial=0))
            np.testing.assert_allclose(other.data, one.data, rtol=0, atol=limit)
    return names(fast)


class Function(nn.Module):
    """A network of the convolutions given, put together by a function."""

    def __init__(self, function, *layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.function = function

    def forward(self, x):
        return self.function(x, *self.layers)


@pytest.fixture(autouse=True)
def seed():
    pydl.manual_seed(0)


@pytest.mark.parametrize("batch", [0, 1, 3])
def test_convolutions_one_after_another(batch):
    net = nn.Sequential(
        nn.Conv2d(3, 18, 3, padding=1), nn.ReLU(), nn.Conv2d(18, 20, 5, stride=2, padding=(2, 1)), nn.ReLU(),
        nn.MaxPool2d(3, 2, 1), nn.Conv2d(20, 9, 1), nn.Flatten(), nn.Linear(9 * 4 * 4, 5),
    )  # fmt: skip
    found = check(net, batch, 3, 15, 17)
    if batch > 0:
        assert found == [
            "clone_forward", "conv2d_channels_last", "conv2d_channels_last", "max_pool2d_channels_last",
            "conv2d_channels_last", "clone_forward", "linear_forward",
        ]  # fmt: skip


def test_float64_and_dilation():
    net = nn.Sequential(nn.Conv2d(2, 5, 3, padding=2, dilation=2), nn.Tanh(), nn.Conv2d(5, 33, 3, padding="same"))
    assert check(net, 2, 2, 9, 8, dtype="float64").count("conv2d_channels_last") == 2


def test_winograd_where_it_pays_and_is_allowed():
    net = nn.Sequential(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3), nn.Conv2d(32, 40, 5))
    assert check(net, 2, 16, 16, 15).count("conv2d_channels_last_winograd") == 3
    before = pydl.get_winograd()
    try:
        pydl.set_winograd(False)
        assert "conv2d_channels_last_winograd" not in check(net, 2, 16, 16, 15)
    finally:
        pydl.set_winograd(before)


def residual(x, one, two):
    y = relu(one(x))
    return relu(two(y) + y)


def test_sums_become_part_of_the_convolution():
    layers = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
    assert check(Function(residual, *layers), 2, 3, 9, 9) == [
        "clone_forward", "conv2d_channels_last", "conv2d_channels_last", "clone_forward",
    ]  # fmt: skip


def test_sums_of_two_convolutions():
    found = check(
        Function(lambda x, a, b: relu(a(x) + b(x)), nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(3, 8, 1)), 2, 3, 9, 9
    )
    assert found == ["clone_forward", "conv2d_channels_last", "conv2d_channels_last", "clone_forward"]


def test_sums_that_stay_sums():
    def function(x, a, b):
        y = a(x)
        return y + y, relu(y) + x, b(x) * y - y

    check(Function(function, nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 1)), 2, 8, 5, 5)


def test_results_between_convolutions_are_read_by_others():
    def function(x, a, b):
        y = a(x)
        z = b(relu(y))
        return y, z.sum(dim=1), pydl.cat([y, z], dim=1), z.mean((2, 3)), z[:, 1:3]

    check(Function(function, nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 1)), 2, 3, 6, 7)


def test_convolutions_that_keep_their_layout():
    """Groups, weights that are computed, images that are views."""
    found = check(
        Function(lambda x, g, p: (conv2d(g(x), p.weight * 2.0), p(x[:, :, ::2]), conv2d(x, p.weight[:1])),
                 nn.Conv2d(4, 4, 3, padding=1, groups=2), nn.Conv2d(4, 4, 1)),
        2, 4, 6, 6,
    )  # fmt: skip
    assert "conv2d_channels_last" not in found


def test_pooling_whose_winners_are_wanted():
    def function(x, a):
        return max_pool2d(a(x), 2, return_indices=True)

    module = Function(function, nn.Conv2d(3, 8, 3)).eval()
    fast, x = pydl.capture(module, fold=True), pydl.randn(2, 3, 8, 8)
    for right, found in zip(module(x), fast(x), strict=True):
        np.testing.assert_allclose(found.data, right.data, atol=1e-5)
    assert "max_pool2d_channels_last" not in names(fast)


def test_nan_goes_through():
    module = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)).eval()
    fast, x = pydl.capture(module, fold=True), pydl.randn(2, 16, 12, 12)
    fast(x)
    x.data[1, 3, 5, 6] = np.nan
    with pydl.no_grad():
        np.testing.assert_array_equal(np.isnan(fast(x).data), np.isnan(module(x).data))
