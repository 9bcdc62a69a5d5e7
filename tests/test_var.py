"""Variance and standard deviation, against PyTorch and central differences."""

import numpy as np
import pytest
from checks import check_gradient, check_refused, check_torch, torch

import pydl

X = np.random.default_rng(0).standard_normal((3, 4, 5))
OPTIONS = [
    {},
    {"dim": 1},
    {"dim": -1, "keepdim": True},
    {"dim": (0, 2), "unbiased": False},
    {"dim": (0, 2), "correction": 0},
    {"dim": 1, "correction": 2, "keepdim": True},
]


@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
@pytest.mark.parametrize("name", ["var", "std"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_as_in_pytorch(name, options):
    def call(x):
        return getattr(x, name)(**options)

    check_torch(call, call, X)
    check_torch(call, call, X[:, :, :0] if options.get("dim") == 1 else X[:0])
    check_gradient(call, X)


@pytest.mark.parametrize("name", ["var_mean", "std_mean"])
def test_with_the_mean(name):
    for n in range(2):
        check_torch(lambda x, n=n: getattr(pydl, name)(x, 1)[n], lambda x, n=n: getattr(torch, name)(x, 1)[n], X)


def test_worked_by_hand():
    x = pydl.tensor([1.0, 2.0, 6.0])
    assert x.var().item() == 7.0
    assert x.var(False).item() == pytest.approx(14 / 3)
    assert x.std(0, False).item() == pytest.approx((14 / 3) ** 0.5)
    assert pydl.var_mean(x)[1].item() == 3.0
    assert x.var(correction=3).item() == np.inf
    assert np.isnan(pydl.ones(1).var().item())


def test_equal_numbers_have_no_gradient():
    x = pydl.ones(2, 3, requires_grad=True)
    x.std(1).sum().backward()
    assert not x.grad.numpy().any()


def test_refuses():
    check_refused(lambda: pydl.var(np.ones(3, int)), TypeError, "var: input has dtype int64 but must be float32 or")
    check_refused(lambda: pydl.tensor(X).std(3), IndexError, "std: dim is 3, but the input has 3 dimensions")
    check_refused(lambda: pydl.var(X, 0, unbiased="no"), TypeError, "var: unbiased must be True or False, not 'no'")
