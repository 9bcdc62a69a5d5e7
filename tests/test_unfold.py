import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_refused, check_torch, torch

import pydl
from pydl import nn
from pydl.ops import conv2d, matmul
from pydl.ops.unfold import unfold, unfold_backward, unfold_forward

RNG = np.random.default_rng(0)
CASES = [
    ((2, 3, 6, 7), (3, 2), {}),
    ((2, 3, 6, 7), 3, {"padding": 1}),
    ((1, 2, 9, 40), (2, 3), {"stride": 2, "padding": (2, 1)}),
    ((3, 1, 9, 8), (3, 2), {"stride": (2, 3), "dilation": (2, 1), "padding": (0, 4)}),
    ((4, 8, 9), 2, {"stride": 2}),
    ((0, 2, 4, 4), 2, {}),
]


@pytest.mark.parametrize("kernel", [unfold_forward, unfold_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_worked_by_hand():
    x = pydl.tensor([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]], requires_grad=True)
    y = unfold(x, 2)
    assert y.tolist() == [[1, 2], [2, 3], [4, 5], [5, 6]]
    y.backward(np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0], [4.0, 40.0]]))
    assert x.grad.tolist() == [[[1, 12, 20], [3, 34, 40]]]


@pytest.mark.parametrize(("shape", "kernel", "options"), CASES, ids=str)
def test_torch(shape, kernel, options):
    x = RNG.standard_normal(shape)
    if 0 in shape:
        assert unfold(x, kernel, **options).shape == (0, 8, 9)
        return
    check_torch(lambda x: unfold(x, kernel, **options), lambda x: torch.nn.functional.unfold(x, kernel, **options), x)


def test_gradient():
    check_gradient(lambda x: unfold(x, (2, 3), 1, (1, 0), (2, 1)), RNG.standard_normal((1, 2, 4, 5)))


def test_a_product_with_the_columns_is_a_convolution():
    x, w = RNG.standard_normal((2, 3, 7, 8)), RNG.standard_normal((4, 3, 3, 2))
    y = matmul(w.reshape(4, -1), unfold(x, (3, 2), padding=1, stride=2))
    want = conv2d(x, w, padding=1, stride=2).numpy()
    np.testing.assert_allclose(y.numpy(), want.reshape(2, 4, -1), atol=1e-12)


def test_any_strides():
    x = RNG.standard_normal((6, 3, 8, 10))
    for view in (x[::-2], x.transpose(0, 1, 3, 2), x[..., ::-3], np.broadcast_to(x[:, :1], (6, 2, 8, 10))):
        want = unfold(np.ascontiguousarray(view), 2, padding=1).numpy()
        np.testing.assert_array_equal(unfold(view, 2, padding=1).numpy(), want)


def test_layer():
    x = RNG.standard_normal((2, 3, 6, 6))
    layer = nn.Unfold((3, 2), stride=2, padding=1)
    np.testing.assert_array_equal(layer(x).numpy(), unfold(x, (3, 2), stride=2, padding=1).numpy())
    assert repr(layer) == "Unfold(kernel_size=(3, 2), dilation=(1, 1), padding=(1, 1), stride=(2, 2))"


X = np.zeros((2, 3, 4, 5), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: unfold(X[0, 0], 2), ValueError, "input must be (N, C, H, W) or (C, H, W), but has shape (4, 5)"),
        (lambda: unfold(X, 5), ValueError,
         "a window covers 5 pixels in height but the padded image has 4 (input (2, 3, 4, 5), kernel_size (5, 5)"),
        (lambda: unfold(X, 0), ValueError, "kernel_size must be at least 1, not 0"),
        (lambda: unfold(X, 2, stride=0), ValueError, "stride must be at least 1, not 0"),
        (lambda: unfold(X, (1, 2, 3)), ValueError, "kernel_size must be one integer or two, not (1, 2, 3)"),
        (lambda: unfold(X.astype(int), 2), TypeError, "input has dtype int64 but must be float32 or float64"),
        (lambda: unfold(X[:, :, :1, :1], 1, padding=2**30), ValueError, "the result would have the shape"),
    ],
)  # fmt: skip
def test_refuses(call, error, message):
    check_refused(call, error, f"unfold: {message}")
