import numpy as np
import pytest
from checks import check_gradient, check_torch

import pydl

X = np.random.default_rng(0).standard_normal((3, 4, 2))
TIES = np.array([[1.0, 3.0, 3.0], [2.0, 3.0, 0.0]])


def test_worked_by_hand():
    x = pydl.tensor(TIES, requires_grad=True)
    values, indices = x.max(1)
    assert (values.tolist(), indices.tolist()) == ([3, 3], [1, 1])
    values.backward(np.array([10.0, 20.0]))
    assert x.grad.tolist() == [[0, 10, 0], [0, 20, 0]]
    x.grad = None
    x.max().backward()
    assert x.grad.tolist() == [[0, 1 / 3, 1 / 3], [0, 1 / 3, 0]]


@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("name", ["max", "min"])
def test_gradient(name, dim):
    check_gradient(lambda x: getattr(x, name)(dim)[0], X)
    check_gradient(lambda x: getattr(x, name)(), X)


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("x", [X, np.round(X)], ids=["distinct", "ties"])
def test_torch_along(name, dim, keepdim, x):
    check_torch(lambda x: getattr(x, name)(dim, keepdim)[0], lambda x: getattr(x, name)(dim, keepdim)[0], x)


@pytest.mark.parametrize("name", ["max", "min"])
def test_torch_of_all(name):
    check_torch(lambda x: getattr(x, name)(), lambda x: getattr(x, name)(), np.round(X))


def test_integers_and_numbers():
    assert pydl.tensor([3, 5, 4]).max().item() == 5
    assert [each.item() for each in pydl.tensor([3, 5, 4]).min(0)] == [3, 0]
    x = pydl.tensor(2.5, requires_grad=True)
    values, indices = x.max(0)
    values.backward()
    assert (values.item(), indices.item(), x.grad.item()) == (2.5, 0, 1)


def test_names_of_the_results():
    x = pydl.tensor(TIES)
    assert x.max(0).values.tolist() == [2, 3, 3]
    assert x.min(-1).indices.tolist() == [0, 2]


def test_the_larger_of_two():
    check_torch(lambda a, b: a.max(b), lambda a, b: a.max(b), X, X[::-1].copy())
    check_torch(lambda a, b: a.min(b), lambda a, b: a.min(b), X, X[0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pydl.tensor([]).max(0), ValueError, "max: input has shape"),
        (lambda: pydl.tensor([]).min(), ValueError, "min: input has shape"),
        (lambda: pydl.tensor([1.0]).max(1), IndexError, "max: dim is 1, but the input has 1 dimensions"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
