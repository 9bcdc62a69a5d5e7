import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl.ops.amax import amax, amax_backward, amax_forward, amin, amin_forward

X = np.random.default_rng(0).standard_normal((3, 4, 2))


@pytest.mark.parametrize("kernel", [amax_forward, amin_forward, amax_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=40)


def test_worked_by_hand():
    x = pydl.tensor([[1.0, 3.0, 3.0], [2.0, 3.0, 0.0]], requires_grad=True)
    assert x.amin(0).tolist() == [1, 3, 0]
    x.amax(1).backward(np.array([10.0, 20.0]))
    assert x.grad.tolist() == [[0, 5, 5], [0, 20, 0]]


@pytest.mark.parametrize("dim", [None, 0, -1, (0, 2)])
@pytest.mark.parametrize("f", [amax, amin], ids=["amax", "amin"])
def test_gradient(f, dim):
    check_gradient(lambda x: f(x, dim), X)


@pytest.mark.parametrize("dim", [0, (0, 1), (1, 2), ()])
@pytest.mark.parametrize("name", ["amax", "amin"])
def test_torch(name, dim):
    check_torch(lambda x: getattr(x, name)(dim), lambda x: getattr(x, name)(dim), np.round(X))
    check_torch(lambda x: getattr(x, name)(1, True), lambda x: getattr(x, name)(1, True), np.round(X))


def test_nan_is_the_largest_and_the_smallest():
    x = np.arange(100_000, dtype=np.float32)
    x[70_000] = np.nan
    assert np.isnan(amax(x).item())
    assert np.isnan(amin(x).item())
    assert amax(x[:70_000]).item() == 69_999
    y = pydl.tensor([1.0, np.nan, np.nan], requires_grad=True)
    y.amax().backward()
    assert y.grad.tolist() == [0, 0.5, 0.5]


def test_integers():
    assert amax(np.array([[3, 5], [4, 1]]), 0).tolist() == [4, 5]
    assert amin(np.array([[True, False]]), 1).tolist() == [False]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: amax(np.zeros((0, 2))), ValueError, r"amax: input has shape \(0, 2\), and nothing has no largest"),
        (lambda: amin(X, (1, 1)), ValueError, "amin: dim .* names a dimension twice"),
        (lambda: amax(X, 3), IndexError, "amax: dim is 3, but the input has 3 dimensions"),
        (lambda: amax("x"), TypeError, "amax: input must be a tensor or an array, not str"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_only_the_reduced_dimension_must_hold_something():
    assert amax(np.zeros((0, 2)), 1).shape == (0,)
