import numpy as np
import pytest
from checks import check_gradient, check_refused, check_torch, torch

import pydl
from pydl import nn
from pydl.ops.fold import fold
from pydl.ops.unfold import unfold

RNG = np.random.default_rng(0)
CASES = [
    ((2, 3, 6, 7), (3, 2), {}),
    ((2, 3, 6, 7), 3, {"padding": 1}),
    ((1, 2, 9, 40), (2, 3), {"stride": 2, "padding": (2, 1)}),
    ((3, 1, 9, 8), (3, 2), {"stride": (2, 3), "dilation": (2, 1), "padding": (0, 4)}),
    ((4, 8, 9), 2, {"stride": 2}),
]


def test_worked_by_hand():
    x = pydl.tensor([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0], [4.0, 40.0]], requires_grad=True)
    y = fold(x, (2, 3), 2)
    assert y.tolist() == [[[1, 12, 20], [3, 34, 40]]]
    y.backward(np.array([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]))
    assert x.grad.tolist() == [[1, 2], [2, 3], [4, 5], [5, 6]]


@pytest.mark.parametrize(("shape", "kernel", "options"), CASES, ids=str)
def test_torch(shape, kernel, options):
    columns = RNG.standard_normal(unfold(np.zeros(shape), kernel, **options).shape)
    size = shape[-2:]
    check_torch(
        lambda x: fold(x, size, kernel, **options),
        lambda x: torch.nn.functional.fold(x, size, kernel, **options),
        columns,
    )


def test_gradient():
    check_gradient(lambda x: fold(x, (4, 5), (2, 3), 1, (1, 0), (2, 1)), RNG.standard_normal((1, 12, 9)))


def test_counts_the_windows_of_each_pixel():
    ones = np.ones((1, 1, 3, 4))
    assert fold(unfold(ones, 2), (3, 4), 2).tolist() == [[[[1, 2, 2, 1], [2, 4, 4, 2], [1, 2, 2, 1]]]]


def test_any_strides():
    x = RNG.standard_normal((4, 8, 12))
    for view in (x[::-1, :, ::-1], x[:, ::-1], x.transpose(0, 2, 1)[:, ::3].transpose(0, 2, 1)):
        size = (4, 5) if view.shape[2] == 12 else (3, 3)
        want = fold(np.ascontiguousarray(view), size, 2).numpy()
        np.testing.assert_array_equal(fold(view, size, 2).numpy(), want)


def test_layer():
    x = RNG.standard_normal((2, 12, 9))
    layer = nn.Fold(6, 2, stride=2)
    np.testing.assert_array_equal(layer(x).numpy(), fold(x, (6, 6), 2, stride=2).numpy())
    assert repr(layer).startswith("Fold(output_size=(6, 6), kernel_size=(2, 2), dilation=(1, 1)")


X = np.zeros((2, 12, 9), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fold(X[0, 0], 4, 2), ValueError, "input must be (N, C U V, I J) or (C U V, I J), but has shape (9,)"),
        (lambda: fold(X[:, :10], 4, 2), ValueError,
         "input has 10 rows (shape (2, 10, 9)) but must have a multiple of 4, the taps of kernel_size (2, 2)"),
        (lambda: fold(X, (4, 5), 2), ValueError,
         "input has 9 columns (shape (2, 12, 9)) but 3 x 4 windows fit into output_size (4, 5)"),
        (lambda: fold(X, 2, 3), ValueError,
         "a window covers 3 pixels in height but the padded image has 2 (output_size (2, 2), kernel_size (3, 3)"),
        (lambda: fold(X, 0, 2), ValueError, "output_size must be at least 1, not 0"),
    ],
)  # fmt: skip
def test_refuses(call, error, message):
    check_refused(call, error, f"fold: {message}")
