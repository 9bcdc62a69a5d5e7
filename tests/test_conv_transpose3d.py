import convolutions
import numpy as np
import pytest
from checks import check_kernel, check_refused

import pydl
from pydl.ops.conv_transpose3d import conv_transpose3d, conv_transpose3d_forward


@pytest.mark.parametrize("kernel", [conv_transpose3d_forward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=40)


def test_worked_by_hand():
    x = pydl.tensor([[[[[1.0]], [[2.0]]]]], requires_grad=True)
    w = pydl.tensor([[[[[10.0, 20.0]], [[100.0, 200.0]]]]], requires_grad=True)
    y = conv_transpose3d(x, w, pydl.tensor([0.5]))
    assert y.tolist() == [[[[[10.5, 20.5]], [[120.5, 240.5]], [[200.5, 400.5]]]]]
    y.backward(np.array([[[[[1.0, 2.0]], [[3.0, 4.0]], [[5.0, 6.0]]]]]))
    assert x.grad.tolist() == [[[[[1150.0]], [[1810.0]]]]]
    assert w.grad.tolist() == [[[[[7.0, 10.0]], [[13.0, 16.0]]]]]


CASES = [
    # input, weight, settings
    ((3, 8, 3, 5, 7), (8, 16, 3, 3, 3), {}),
    ((2, 6, 4, 5, 4), (6, 10, 3, 5, 4), {"stride": 2, "padding": 1, "groups": 2, "output_padding": 1}),
    ((2, 16, 3, 4, 5), (16, 1, 3, 5, 3), {"groups": 16, "dilation": 3, "stride": 2, "output_padding": 2}),
    ((1, 40, 4, 5, 6), (40, 24, 2, 2, 2), {"stride": 2}),
    ((7, 3, 4, 5), (7, 5, 2, 2, 2), {"padding": 1}),
    ((4, 24, 4, 1, 5), (24, 8, 3, 3, 3), {"stride": 3, "padding": 1}),  # a result shorter than the stride
    ((0, 3, 4, 4, 4), (3, 5, 3, 3, 3), {}),
    ((3, 48, 4, 9, 9), (48, 48, 3, 3, 3), {"padding": 1}),  # by conv3d_winograd
    ((2, 64, 3, 12, 12), (64, 64, 2, 4, 4), {"stride": 2, "padding": 1}),  # by conv3d_winograd_gradient
]


@pytest.mark.parametrize(("shape", "filters", "settings"), CASES, ids=str)
def test_torch(shape, filters, settings):
    convolutions.check_against_torch(conv_transpose3d, shape, filters, settings)


@pytest.mark.parametrize(
    ("shape", "filters", "settings"),
    [
        ((1, 2, 2, 3, 2), (2, 2, 2, 3, 2), {}),
        (
            (1, 2, 2, 2, 3),
            (2, 1, 2, 2, 2),
            {"groups": 2, "stride": (2, 1, 2), "padding": 1, "dilation": 3, "output_padding": (2, 0, 1)},
        ),
    ],
    ids=str,
)
def test_gradient(shape, filters, settings):
    convolutions.check_convolution_gradient(conv_transpose3d, shape, filters, settings)


def test_without_bias_and_for_some_gradients_only():
    convolutions.check_some_gradients_only(conv_transpose3d, *CASES[0][:2])


def test_any_strides():
    convolutions.check_any_strides(conv_transpose3d, *CASES[0][:2])


X, W = np.zeros((2, 4, 6, 6, 6), np.float32), np.zeros((4, 3, 3, 3, 3), np.float32)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        *convolutions.wrong_arguments(X, W, 3, "(N, C, D, H, W) or (C, D, H, W)", "one integer or three"),
        *convolutions.wrong_for_transposed(3),
    ],
)
def test_refuses(arguments, error, message):
    check_refused(
        lambda: conv_transpose3d(**{"input": X, "weight": W} | arguments), error, f"conv_transpose3d: {message}"
    )
