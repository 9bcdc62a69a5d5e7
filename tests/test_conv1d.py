import convolutions
import numpy as np
import pytest
from checks import check_refused

import pydl
from pydl.ops.conv1d import conv1d


def test_worked_by_hand():
    x = pydl.tensor([[[1.0, 2.0, 3.0]]], requires_grad=True)
    w = pydl.tensor([[[10.0, 100.0]]], requires_grad=True)
    y = conv1d(x, w, pydl.tensor([0.5]))
    assert y.tolist() == [[[210.5, 320.5]]]
    y.backward(np.array([[[1.0, 2.0]]]))
    assert w.grad.tolist() == [[[5.0, 8.0]]]
    assert x.grad.tolist() == [[[10.0, 120.0, 200.0]]]


CASES = [
    # input, weight, settings
    ((3, 8, 50), (16, 8, 3), {}),
    ((2, 6, 300), (20, 3, 5), {"stride": 2, "padding": 3, "groups": 2}),
    ((2, 16, 31), (16, 1, 5), {"groups": 16, "padding": "same", "dilation": 2}),
    ((4, 1, 1000), (32, 1, 9), {"stride": 4}),
    ((5, 7), (4, 5, 2), {"padding": 1}),
    ((1, 40, 700), (64, 40, 3), {"padding": "valid"}),
    ((2, 9, 40), (4, 9, 3), {"stride": (3,), "dilation": (2,)}),
    ((0, 3, 9), (5, 3, 3), {}),
]


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # PyTorch's, on how it pads
@pytest.mark.parametrize(("shape", "filters", "settings"), CASES, ids=str)
def test_torch(shape, filters, settings):
    convolutions.check_against_torch(conv1d, shape, filters, settings)


@pytest.mark.parametrize(
    ("shape", "filters", "settings"),
    [
        ((2, 2, 6), (3, 2, 3), {}),
        ((1, 4, 7), (4, 2, 2), {"groups": 2, "stride": 2, "padding": 1, "dilation": 2}),
    ],
    ids=str,
)
def test_gradient(shape, filters, settings):
    convolutions.check_convolution_gradient(conv1d, shape, filters, settings)


def test_without_bias_and_for_some_gradients_only():
    convolutions.check_some_gradients_only(conv1d, *CASES[0][:2])


def test_any_strides():
    convolutions.check_any_strides(conv1d, *CASES[0][:2])


X, W = np.zeros((2, 4, 6), np.float32), np.zeros((6, 4, 3), np.float32)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        *convolutions.wrong_arguments(X, W, 6, "(N, C, L) or (C, L)", "one integer"),
        *convolutions.wrong_for_convolutions(1),
        ({"dilation": 4}, ValueError, "weight covers 9 positions in length but the padded input has 6"),
    ],
)
def test_refuses(arguments, error, message):
    check_refused(lambda: conv1d(**{"input": X, "weight": W} | arguments), error, f"conv1d: {message}")
