import math

import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl.ops.mean import mean, mean_backward, mean_forward

X = np.random.default_rng(0).standard_normal((3, 4, 2))


@pytest.mark.parametrize("kernel", [mean_forward, mean_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_worked_by_hand():
    x = pydl.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
    assert x.mean().item() == 3.5
    y = x.mean(1, keepdim=True)
    y.backward(np.array([[3.0], [6.0]]))
    assert y.tolist() == [[2], [5]]
    assert x.grad.tolist() == [[1, 1, 1], [2, 2, 2]]


@pytest.mark.parametrize("dim", [None, 0, 1, -1, (0, 2), (1, -1), (0, 1, 2)])
def test_gradient(dim):
    check_gradient(lambda x: mean(x, dim), X)


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", [0, -1, (0, 2), (1, -1), (0, 1, 2), ()])
def test_torch(dim, keepdim):
    check_torch(lambda x: x.mean(dim, keepdim), lambda x: x.mean(dim, keepdim), X)
    check_torch(lambda x: x.mean(), lambda x: x.mean(), X)


def test_nothing():
    assert math.isnan(mean(np.zeros((0,), np.float32)).item())
    assert np.isnan(mean(np.zeros((2, 0)), 1).numpy()).tolist() == [True, True]
    x = pydl.zeros(0, 3, requires_grad=True)
    x.mean().backward()
    assert x.grad.shape == (0, 3)


def test_a_number():
    x = pydl.tensor(3.0, requires_grad=True)
    x.mean().backward()
    assert x.grad.item() == 1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mean(np.arange(3)), TypeError, "mean: input has dtype int64 but must be float32 or float64"),
        (lambda: mean(X, (0, 0)), ValueError, r"mean: dim \(0, 0\) names a dimension twice"),
        (lambda: mean(X, -4), IndexError, "mean: dim is -4, but the input has 3 dimensions"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
