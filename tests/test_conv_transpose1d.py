import convolutions
import numpy as np
import pytest
from checks import check_refused

import pydl
from pydl.ops.conv_transpose1d import conv_transpose1d


def test_worked_by_hand():
    x = pydl.tensor([[[1.0, 2.0]]], requires_grad=True)
    w = pydl.tensor([[[10.0, 100.0, 1000.0]]], requires_grad=True)
    y = conv_transpose1d(x, w, pydl.tensor([0.5]), stride=2)
    assert y.tolist() == [[[10.5, 100.5, 1020.5, 200.5, 2000.5]]]
    y.backward(np.array([[[1.0, 2.0, 3.0, 4.0, 5.0]]]))
    assert x.grad.tolist() == [[[3210.0, 5430.0]]]
    assert w.grad.tolist() == [[[7.0, 10.0, 13.0]]]


CASES = [
    # input, weight, settings
    ((3, 8, 50), (8, 16, 3), {}),
    ((2, 6, 30), (6, 10, 5), {"stride": 2, "padding": 1, "groups": 2, "output_padding": 1}),
    ((2, 16, 31), (16, 1, 5), {"groups": 16, "dilation": 3, "stride": 2, "output_padding": 2}),
    ((4, 32, 100), (32, 1, 9), {"stride": 4}),
    ((7, 7), (7, 5, 2), {"padding": 1}),
    ((1, 40, 70), (40, 64, 4), {"padding": 1, "stride": 2}),
    ((2, 9, 40), (9, 4, 3), {"stride": (3,), "dilation": (2,)}),
    ((0, 3, 9), (3, 5, 3), {}),
]


@pytest.mark.parametrize(("shape", "filters", "settings"), CASES, ids=str)
def test_torch(shape, filters, settings):
    convolutions.check_against_torch(conv_transpose1d, shape, filters, settings)


@pytest.mark.parametrize(
    ("shape", "filters", "settings"),
    [
        ((2, 2, 4), (2, 3, 3), {}),
        ((1, 4, 5), (4, 2, 2), {"groups": 2, "stride": 2, "padding": 1, "dilation": 3, "output_padding": 2}),
    ],
    ids=str,
)
def test_gradient(shape, filters, settings):
    convolutions.check_convolution_gradient(conv_transpose1d, shape, filters, settings)


def test_without_bias_and_for_some_gradients_only():
    convolutions.check_some_gradients_only(conv_transpose1d, *CASES[0][:2])


def test_any_strides():
    convolutions.check_any_strides(conv_transpose1d, *CASES[0][:2])


X, W = np.zeros((2, 4, 6), np.float32), np.zeros((4, 3, 3), np.float32)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        *convolutions.wrong_arguments(X, W, 3, "(N, C, L) or (C, L)", "one integer"),
        *convolutions.wrong_for_transposed(1),
    ],
)
def test_refuses(arguments, error, message):
    check_refused(
        lambda: conv_transpose1d(**{"input": X, "weight": W} | arguments), error, f"conv_transpose1d: {message}"
    )
