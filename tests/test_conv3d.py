import convolutions
import numpy as np
import pytest
from checks import check_kernel, check_refused

import pydl
from pydl.ops.conv3d import conv3d, conv3d_forward, conv3d_input_gradient, conv3d_weight_gradient


@pytest.mark.parametrize(
    "kernel", [conv3d_forward, conv3d_input_gradient, conv3d_weight_gradient], ids=lambda k: k.name
)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=40)


def test_worked_by_hand():
    x = pydl.tensor([[[[[1.0, 2.0]], [[3.0, 4.0]]]]], requires_grad=True)
    w = pydl.tensor([[[[[10.0]], [[100.0]]]]], requires_grad=True)
    y = conv3d(x, w, pydl.tensor([0.5]))
    assert y.tolist() == [[[[[310.5, 420.5]]]]]
    y.backward(np.array([[[[[1.0, 2.0]]]]]))
    assert x.grad.tolist() == [[[[[10.0, 20.0]], [[100.0, 200.0]]]]]
    assert w.grad.tolist() == [[[[[5.0]], [[11.0]]]]]


CASES = [
    # input, weight, settings
    ((2, 8, 5, 7, 6), (16, 8, 3, 3, 3), {}),
    ((2, 8, 5, 7, 6), (16, 8, 3, 3, 3), {"padding": 1}),
    ((2, 6, 9, 8, 7), (10, 3, 3, 4, 2), {"stride": 2, "padding": 1, "groups": 2}),
    ((2, 16, 6, 5, 7), (16, 1, 3, 3, 3), {"groups": 16, "dilation": 2, "padding": "same"}),
    ((1, 1, 20, 20, 20), (32, 1, 5, 5, 5), {"stride": (1, 2, 2)}),
    ((7, 7, 5, 6), (5, 7, 2, 2, 2), {"padding": 1}),
    ((1, 20, 8, 8, 8), (24, 20, 1, 1, 1), {}),
    ((2, 20, 7, 9, 14), (24, 20, 1, 1, 1), {"stride": 2}),
    ((2, 6, 8, 7, 40), (10, 3, 1, 1, 1), {"stride": (3, 1, 2), "groups": 2}),
    ((1, 20, 8, 8, 8), (24, 20, 1, 3, 3), {"padding": (0, 1, 1)}),
    ((2, 3, 6, 5, 40), (7, 3, 3, 1, 5), {"stride": (3, 1, 2), "padding": "valid"}),
    ((0, 3, 5, 5, 5), (5, 3, 3, 3, 3), {}),
    # depthwise
    ((2, 5, 6, 9, 20), (5, 1, 3, 3, 3), {"groups": 5, "padding": 1}),
    ((1, 4, 9, 30, 17), (8, 1, 3, 3, 3), {"groups": 4, "padding": 1, "stride": (1, 2, 2)}),
    ((2, 6, 7, 12, 9), (6, 2, 5, 4, 5), {"groups": 3, "padding": (4, 2, 2), "stride": (2, 1, 1)}),
    ((1, 3, 8, 10, 11), (3, 1, 2, 8, 3), {"groups": 3, "padding": (1, 3, 0), "dilation": (3, 1, 1)}),
    ((1, 3, 2, 1, 19), (3, 1, 5, 1, 4), {"groups": 3, "padding": (9, 0, 2)}),
    ((1, 2, 20, 100, 101), (2, 1, 5, 3, 3), {"groups": 2, "padding": (2, 1, 1)}),
    # rows with as many zeros in front as windows leave out behind
    ((2, 3, 3, 4, 6), (8, 3, 4, 1, 1), {"stride": (2, 3, 1), "padding": (2, 1, 0)}),
]


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # PyTorch's, on how it pads
@pytest.mark.parametrize(("shape", "filters", "settings"), CASES, ids=str)
def test_torch(shape, filters, settings):
    convolutions.check_against_torch(conv3d, shape, filters, settings)


@pytest.mark.parametrize(
    ("shape", "filters", "settings"),
    [
        ((1, 2, 3, 2, 3), (2, 2, 2, 2, 2), {}),
        ((1, 2, 4, 3, 4), (2, 1, 2, 2, 2), {"groups": 2, "stride": (2, 1, 2), "padding": 1, "dilation": (1, 2, 1)}),
    ],
    ids=str,
)
def test_gradient(shape, filters, settings):
    convolutions.check_convolution_gradient(conv3d, shape, filters, settings)


def test_without_bias_and_for_some_gradients_only():
    convolutions.check_some_gradients_only(conv3d, *CASES[0][:2])


def test_any_strides():
    convolutions.check_any_strides(conv3d, *CASES[0][:2])
    convolutions.check_any_strides(conv3d, (2, 8, 5, 7, 6), (16, 8, 1, 1, 1))


X, W = np.zeros((2, 4, 6, 6, 6), np.float32), np.zeros((6, 4, 3, 3, 3), np.float32)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        *convolutions.wrong_arguments(X, W, 6, "(N, C, D, H, W) or (C, D, H, W)", "one integer or three"),
        *convolutions.wrong_for_convolutions(3),
        ({"dilation": 4}, ValueError, "weight covers 9 voxels in depth but the padded input has 6"),
    ],
)
def test_refuses(arguments, error, message):
    check_refused(lambda: conv3d(**{"input": X, "weight": W} | arguments), error, f"conv3d: {message}")
