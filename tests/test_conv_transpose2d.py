import convolutions
import numpy as np
import pytest
from checks import check_kernel, check_refused

import pydl
from pydl.ops.conv_transpose2d import conv_transpose2d, conv_transpose2d_forward


@pytest.mark.parametrize("kernel", [conv_transpose2d_forward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=40)


def test_worked_by_hand():
    x = pydl.tensor([[[[1.0, 2.0]]]], requires_grad=True)
    w = pydl.tensor([[[[10.0, 100.0], [1000.0, 10000.0]]]], requires_grad=True)
    y = conv_transpose2d(x, w, pydl.tensor([0.5]))
    assert y.tolist() == [[[[10.5, 120.5, 200.5], [1000.5, 12000.5, 20000.5]]]]
    y.backward(np.array([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]]))
    assert x.grad.tolist() == [[[[54210.0, 65320.0]]]]
    assert w.grad.tolist() == [[[[5.0, 8.0], [14.0, 17.0]]]]


CASES = [
    # input, weight, settings
    ((3, 8, 5, 7), (8, 16, 3, 3), {}),
    ((2, 6, 9, 8), (6, 10, 5, 4), {"stride": 2, "padding": 1, "groups": 2, "output_padding": 1}),
    ((2, 16, 6, 5), (16, 1, 5, 3), {"groups": 16, "dilation": 3, "stride": 2, "output_padding": 2}),
    ((4, 32, 10, 9), (32, 1, 9, 9), {"stride": 4}),
    ((7, 7, 5), (7, 5, 2, 2), {"padding": 1}),
    ((1, 40, 7, 9), (40, 64, 4, 4), {"padding": 1, "stride": 2}),
    ((2, 9, 8, 9), (9, 4, 3, 2), {"stride": (3, 1), "dilation": (2, 3)}),
    ((3, 16, 7, 5), (16, 8, 2, 2), {"stride": 2}),
    ((1, 70, 3, 4), (70, 9, 2, 2), {"stride": 2, "output_padding": 1}),
    ((1, 66, 1, 5), (66, 4, 9, 9), {"stride": 9}),
    ((4, 24, 6, 5), (24, 20, 3, 3), {"stride": 3, "output_padding": 2}),
    ((16, 24, 1, 5), (24, 8, 3, 3), {"stride": 3, "padding": 1}),  # a result shorter than the stride
    ((2, 40, 9, 7), (40, 9, 4, 4), {"stride": 4}),
    ((0, 3, 9, 9), (3, 5, 3, 3), {}),
]


@pytest.mark.parametrize(("shape", "filters", "settings"), CASES, ids=str)
def test_torch(shape, filters, settings):
    convolutions.check_against_torch(conv_transpose2d, shape, filters, settings)


@pytest.mark.parametrize(
    ("shape", "filters", "settings"),
    [
        ((2, 2, 3, 2), (2, 3, 3, 2), {}),
        ((1, 4, 3, 4), (4, 2, 2, 2), {"groups": 2, "stride": 2, "padding": 1, "dilation": 3, "output_padding": 2}),
    ],
    ids=str,
)
def test_gradient(shape, filters, settings):
    convolutions.check_convolution_gradient(conv_transpose2d, shape, filters, settings)


def test_without_bias_and_for_some_gradients_only():
    convolutions.check_some_gradients_only(conv_transpose2d, *CASES[0][:2])


def test_any_strides():
    convolutions.check_any_strides(conv_transpose2d, *CASES[0][:2])


X, W = np.zeros((2, 4, 6, 6), np.float32), np.zeros((4, 3, 3, 3), np.float32)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        *convolutions.wrong_arguments(X, W, 3, "(N, C, H, W) or (C, H, W)", "one integer or two"),
        *convolutions.wrong_for_transposed(2),
    ],
)
def test_refuses(arguments, error, message):
    check_refused(
        lambda: conv_transpose2d(**{"input": X, "weight": W} | arguments), error, f"conv_transpose2d: {message}"
    )
