import numpy as np
import pytest
from checks import check_gradient, check_refused, check_torch, check_whole_numbers

import pydl

X = np.random.default_rng(0).standard_normal((3, 4, 5))
ZEROS = np.array([[2.0, 0.0, 3.0, 4.0], [0.0, 0.0, 3.0, 1.0], [1.0, 2.0, 3.0, -4.0]])
CALLS = {
    "all": lambda x: x.prod(),
    "dim": lambda x: x.prod(1),
    "last": lambda x: x.prod(-1, keepdim=True),
}


@pytest.mark.parametrize("name", CALLS)
def test_as_in_pytorch(name):
    for values in (X, ZEROS, X[:0], X[:, :0], X[:, :1]):
        check_torch(CALLS[name], CALLS[name], values)
    check_gradient(CALLS[name], X)
    check_gradient(CALLS[name], ZEROS)
    check_whole_numbers(CALLS[name], X)


def test_of_several_dimensions():
    np.testing.assert_allclose(pydl.prod(X, (0, 2)).numpy(), X.prod((0, 2)))
    check_gradient(lambda x: x.prod((0, 2)), X)
    check_gradient(lambda x: x.prod(), np.array(3.0))


def test_worked_by_hand():
    x = pydl.tensor([2.0, 0.0, 5.0], requires_grad=True)
    y = x.prod()
    y.backward()
    assert (y.item(), x.grad.tolist()) == (0, [0, 10, 0])


def test_refuses():
    check_refused(lambda: pydl.prod(X, 3), IndexError, "prod: dim is 3, but the input has 3 dimensions")
