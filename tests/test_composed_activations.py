import numpy as np
import pytest
from checks import check_gradient, check_special_values, check_torch, torch

from pydl import ops

X = np.random.default_rng(1).standard_normal((3, 4, 2)) * 3


@pytest.mark.parametrize("name", ["logsigmoid", "softsign", "tanhshrink"])
def test_of_each_element(name):
    mine, theirs = getattr(ops, name), getattr(torch.nn.functional, name)
    check_gradient(mine, X)
    check_torch(mine, theirs, X)
    check_special_values(mine, theirs)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_softmin(dim):
    check_torch(lambda x: ops.softmin(x, dim), lambda x: torch.nn.functional.softmin(x, dim), X)


def test_maxout():
    check_gradient(lambda x: ops.maxout(x, 2), X)
    x = np.array([[1.0, 5.0, -2.0, -1.0]])
    assert ops.maxout(x, 2).tolist() == [[5.0, -1.0]]
    assert ops.maxout(x, 4).tolist() == [[5.0]]
    assert ops.maxout(X, 2, dim=-1).shape == (3, 4, 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.maxout(np.ones((2, 3)), 2), r"maxout: dimension 1 must be a multiple of groups=2, but input has"),
        (lambda: ops.softsign(np.ones(2, int)), "softsign: input has dtype int64 but must be float32 or float64"),
    ],
)
def test_refuses(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()
