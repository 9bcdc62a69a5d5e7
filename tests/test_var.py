"""Variance and standard deviation, against PyTorch and central differences."""

import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_refused, check_torch, torch

import pydl
from pydl.ops.var import var_forward

X = np.random.default_rng(0).standard_normal((3, 4, 5))
OPTIONS = [
    {},
    {"dim": 1},
    {"dim": -1, "keepdim": True},
    {"dim": (0, 2), "unbiased": False},
    {"dim": (0, 2), "correction": 0},
    {"dim": 1, "correction": 2, "keepdim": True},
]


def test_native_equals_reference():
    check_kernel(var_forward)


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


@pytest.mark.parametrize("dim", [None, 0, 1, 2, (0, 1), (2, 1), (2, 0), (1, 0, 2)])
@pytest.mark.parametrize("shape", [(40, 70, 33), (1, 9000, 5), (300, 3, 1), (2, 7, 700)], ids=str)
def test_any_strides_and_a_far_mean(shape, dim):
    """A mean of a thousand deviations, of which float32 squares would leave nothing."""
    x = np.random.default_rng(1).standard_normal(shape).astype(np.float32) + np.float32(1000)
    for view in (x, x[::-1, :, ::2], x.T):
        want = view.astype(np.float64).var(dim, ddof=0), view.astype(np.float64).mean(dim)
        for got, exact in zip(pydl.var_mean(view, dim, False), want, strict=True):
            few = exact.size * 64 > view.size  # the mean is rounded to float32 before it is subtracted
            np.testing.assert_allclose(got.numpy(), exact, rtol=2e-5, atol=1e-3 if few else 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(3, 40), (7, 5), (29, 300), (6, 2000), (2, 3, 1000), (100, 40)], ids=str)
def test_equal_numbers_have_no_variance(shape, dtype):
    """Whatever rounding does to their mean; the deviation's gradient would be as large as any other's."""
    for number in (0.1, 1.1, -9.3e5):
        x = pydl.full(shape, number, dtype=dtype, requires_grad=True)
        deviation = pydl.std(x, -2)
        deviation.sum().backward()
        assert not deviation.detach().numpy().any()
        np.testing.assert_allclose(x.grad.numpy(), 0, atol=abs(number) * np.finfo(dtype).eps)


def test_of_one_number():
    for x in (np.array(3.0), np.array([3.0]), np.full((1, 1, 2), 3.0)):
        assert not pydl.var(x, correction=0).numpy().any()
        check_torch(lambda x: pydl.std_mean(x, 0, correction=0)[1], lambda x: torch.std_mean(x, 0, correction=0)[1], x)


def test_dimensions_in_any_order():
    x = np.random.default_rng(3).standard_normal((5, 40, 6, 3))
    for dim in [(1, 0, 3), (3, 1), (2, 0, 1), (-1, -3)]:
        np.testing.assert_allclose(pydl.var(x, dim, False).numpy(), x.var(dim))


def test_infinities_and_nan():
    x = np.random.default_rng(2).standard_normal((5, 90, 3)).astype(np.float32)
    x[0, 70], x[1, 3], x[2, 80], x[3, 1:] = np.inf, np.nan, -np.inf, 3e38
    x[2, 0] = np.inf
    x[3, 0] = 3e38
    for view in (x, x.transpose(0, 2, 1).copy().transpose(0, 2, 1)):
        spread, middle = (each.numpy() for each in pydl.var_mean(view, 1))
        assert np.isnan(spread[:3]).all()
        assert np.isposinf(middle[0]).all()
        assert np.isnan(middle[1:3]).all()
        assert np.isfinite(spread[4]).all()


def test_the_gradient_of_both():
    def call(x):
        spread, middle = pydl.var_mean(x, (0, 2), keepdim=True)
        return spread * 2 + middle

    check_gradient(call, X)
    check_gradient(lambda x: pydl.var_mean(x, 1)[1], X)


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
