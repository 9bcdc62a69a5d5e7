import numpy as np
import pytest
from checks import check_gradient, check_torch

import pydl
from pydl.ops.max_pool1d import max_pool1d

RNG = np.random.default_rng(0)


def test_worked_by_hand():
    x = pydl.tensor([[1.0, 3.0, 3.0, 2.0]], requires_grad=True)
    y, indices = max_pool1d(x, 2, 1, return_indices=True)
    assert y.tolist() == [[3.0, 3.0, 3.0]]
    assert indices.tolist() == [[1, 1, 2]]  # the first of equals
    y.backward(np.array([[1.0, 2.0, 4.0]]))
    assert x.grad.tolist() == [[0.0, 3.0, 4.0, 0.0]]


CASES = [
    # shape of x, then kernel_size, stride, padding, dilation, ceil_mode
    ((2, 3, 17), [2]),
    ((2, 3, 40), [3, 2, 1, 1, False]),
    ((2, 3, 41), [3, 2, 1, 2, True]),
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
    check_torch(lambda x: max_pool1d(x, *settings), lambda x: torch.nn.functional.max_pool1d(x, *settings), x)


@pytest.mark.parametrize(("shape", "settings"), CASES, ids=str)
def test_torch_indices_of_equals_and_special_values(shape, settings):
    torch = pytest.importorskip("torch")
    x = RNG.integers(0, 3, shape).astype(np.float32)
    odd = RNG.random(shape)
    x[odd < 0.02], x[(odd > 0.1) & (odd < 0.4)], x[odd > 0.95] = np.nan, -np.inf, np.inf
    y, indices = max_pool1d(x, *settings, return_indices=True)
    z, positions = torch.nn.functional.max_pool1d(torch.tensor(x), *settings, return_indices=True)
    np.testing.assert_array_equal(y.numpy(), z.numpy())
    np.testing.assert_array_equal(indices.numpy(), positions.numpy())


@pytest.mark.parametrize(("shape", "settings"), [((1, 2, 6), [2, 1]), ((2, 7), [3, 2, 1])], ids=str)
def test_gradient(shape, settings):
    x = RNG.permutation(int(np.prod(shape))).reshape(shape) / 10.0
    check_gradient(lambda x: max_pool1d(x, *settings), x)


def test_any_strides():
    x = RNG.standard_normal((2, 3, 17)).astype(np.float32)
    view = x.swapaxes(0, 1)[..., ::-1]
    np.testing.assert_array_equal(max_pool1d(view, 2).numpy(), max_pool1d(view.copy(), 2).numpy())


X = np.zeros((2, 3, 17), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: max_pool1d(X, 3, padding=2),
            ValueError,
            "padding is 2 but may be at most half the kernel size (3,)",
        ),
        (
            lambda: max_pool1d(X, 30),
            ValueError,
            "kernel size (30,) with dilation (1,) is larger than the input",
        ),
        (lambda: max_pool1d(X, 0), ValueError, "kernel_size must be at least 1, not 0"),
        (lambda: max_pool1d(X, 2, 0), ValueError, "stride must be at least 1, not 0"),
        (lambda: max_pool1d(X, 2.0), TypeError, "kernel_size must be an integer, not 2.0"),
        (lambda: max_pool1d(X, (2, 2)), ValueError, "kernel_size must be one integer, not (2, 2)"),
        (lambda: max_pool1d(X[0, 0], 2), ValueError, "input must be (N, C, L) or (C, L), but has shape"),
        (
            lambda: max_pool1d(X.astype(int), 2),
            TypeError,
            "input has dtype int64 but must be float32 or float64",
        ),
        (
            lambda: max_pool1d(X, 2, ceil_mode="yes"),
            TypeError,
            "ceil_mode must be True or False, not 'yes'",
        ),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert f"max_pool1d: {message}" in str(raised.value)
