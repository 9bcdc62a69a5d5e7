"""Lengths and distances, against PyTorch and central differences."""

import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_refused, check_torch, torch

import pydl
from pydl.nn import functional
from pydl.ops.norm import norm_forward

rng = np.random.default_rng(0)
X = rng.standard_normal((3, 4, 5))


def test_native_equals_reference():
    check_kernel(norm_forward)


@pytest.mark.parametrize("p", ["fro", 2, 1, 3, 0.5, np.inf, -np.inf, 0, -1.5])
@pytest.mark.parametrize("options", [{}, {"dim": 1}, {"dim": (0, -1), "keepdim": True}], ids=str)
def test_norm(p, options):
    def call(x):
        return x.norm(p, **options)

    check_torch(call, call, X)
    if p != 0:
        check_gradient(call, X[:2, :3])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3, 100), (2, 3, 20000), (40, 7), (3, 0), (0, 300)], ids=str)
def test_norm_of_rows(shape, dtype):
    x = rng.standard_normal(shape).astype(dtype)
    x[:1] *= 0  # has no gradient
    for options in ({}, {"dim": -1}, {"dim": 0}, {"dim": (0, -1)}, {"dim": (-2, -1)}):
        check_torch(lambda x, o=options: pydl.norm(x, **o), lambda x, o=options: torch.norm(x, **o), x)


def test_the_gradient_of_no_number_is_no_number():
    x = pydl.tensor([[np.nan, 1.0], [3.0, 4.0]], requires_grad=True)
    x.norm(2, 1).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [[np.nan, np.nan], [0.6, 0.8]], rtol=1e-6)
    x = pydl.tensor([np.nan, 1.0, 2.0], requires_grad=True)
    x.std().backward()
    assert np.isnan(x.grad.numpy()).all()


def test_zeros_have_no_gradient():
    for p in (2, 1, 3):
        x = pydl.zeros(2, 3, requires_grad=True)
        x.norm(p, 1).sum().backward()
        assert not x.grad.numpy().any()
    assert pydl.zeros(0).norm().item() == 0


@pytest.mark.parametrize("options", [{}, {"p": 1.0}, {"p": np.inf, "keepdim": True}, {"eps": 0.5}], ids=str)
@pytest.mark.parametrize("shapes", [((4, 5), (4, 5)), ((3, 1, 5), (4, 5)), ((5,), (5,))], ids=str)
def test_pairwise_distance(options, shapes):
    a, b = (rng.standard_normal(shape) for shape in shapes)
    check_torch(
        lambda a, b: functional.pairwise_distance(a, b, **options),
        lambda a, b: torch.nn.functional.pairwise_distance(a, b, **options),
        a,
        b,
    )
    check_gradient(lambda a, b: functional.pairwise_distance(a, b, **options), a, b)


def test_refuses():
    check_refused(lambda: pydl.norm(X, "nuc"), ValueError, "norm: p must be a number or 'fro', not 'nuc'")
    check_refused(lambda: pydl.norm(np.ones(2, int)), TypeError, "norm: input has dtype int64 but must be float32 or")
    check_refused(lambda: functional.pairwise_distance(1.0, 2.0), ValueError, "pairwise_distance: x1 and x2 have no")
