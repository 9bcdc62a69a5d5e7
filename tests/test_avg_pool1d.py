import numpy as np
import pytest
from checks import check_gradient, check_torch

import pydl
from pydl.ops.avg_pool1d import avg_pool1d

RNG = np.random.default_rng(0)


def test_worked_by_hand():
    x = pydl.tensor([[1.0, 3.0, 5.0]], requires_grad=True)
    assert avg_pool1d(x, 2, 2, 1).tolist() == [[0.5, 4.0]]
    y = avg_pool1d(x, 2, 2, 1, count_include_pad=False)
    assert y.tolist() == [[1.0, 4.0]]
    y.backward(np.array([[2.0, 4.0]]))
    assert x.grad.tolist() == [[2.0, 2.0, 2.0]]


CASES = [
    # shape of x, then kernel_size, stride, padding, ceil_mode, count_include_pad
    ((2, 3, 17), [2]),
    ((2, 3, 40), [3, 2, 1, False]),
    ((2, 3, 41), [3, 2, 1, True, False]),
    ((5, 30), [4, 1, 2]),
    ((1, 1, 70), [(3,), (1,), (1,)]),
    ((0, 3, 6), [2]),
    ((2, 3, 1000), [50, 7, 20]),
    ((2, 2, 64), [64]),
]


@pytest.mark.parametrize(("shape", "settings"), CASES, ids=str)
def test_torch(shape, settings):
    torch = pytest.importorskip("torch")
    x = RNG.permutation(int(np.prod(shape))).reshape(shape) / 7.0
    check_torch(lambda x: avg_pool1d(x, *settings), lambda x: torch.nn.functional.avg_pool1d(x, *settings), x)


@pytest.mark.parametrize(("shape", "settings"), [((1, 2, 6), [2, 1]), ((2, 7), [3, 2, 1])], ids=str)
def test_gradient(shape, settings):
    x = RNG.permutation(int(np.prod(shape))).reshape(shape) / 10.0
    check_gradient(lambda x: avg_pool1d(x, *settings), x)


def test_any_strides():
    x = RNG.standard_normal((2, 3, 17)).astype(np.float32)
    view = x.swapaxes(0, 1)[..., ::-1]
    np.testing.assert_array_equal(avg_pool1d(view, 2).numpy(), avg_pool1d(view.copy(), 2).numpy())


X = np.zeros((2, 3, 17), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: avg_pool1d(X, 3, padding=2),
            ValueError,
            "padding is 2 but may be at most half the kernel size (3,)",
        ),
        (
            lambda: avg_pool1d(X, 30),
            ValueError,
            "kernel size (30,) with dilation (1,) is larger than the input",
        ),
        (lambda: avg_pool1d(X, 0), ValueError, "kernel_size must be at least 1, not 0"),
        (lambda: avg_pool1d(X, 2, 0), ValueError, "stride must be at least 1, not 0"),
        (lambda: avg_pool1d(X, 2.0), TypeError, "kernel_size must be an integer, not 2.0"),
        (lambda: avg_pool1d(X, (2, 2)), ValueError, "kernel_size must be one integer, not (2, 2)"),
        (lambda: avg_pool1d(X[0, 0], 2), ValueError, "input must be (N, C, L) or (C, L), but has shape"),
        (
            lambda: avg_pool1d(X.astype(int), 2),
            TypeError,
            "input has dtype int64 but must be float32 or float64",
        ),
        (
            lambda: avg_pool1d(X, 2, ceil_mode="yes"),
            TypeError,
            "ceil_mode must be True or False, not 'yes'",
        ),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert f"avg_pool1d: {message}" in str(raised.value)
