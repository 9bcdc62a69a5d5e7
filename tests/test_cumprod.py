import numpy as np
import pytest
from checks import check_gradient, check_refused, check_torch, torch

import pydl

RNG = np.random.default_rng(0)
X = RNG.standard_normal((3, 5, 2))
ZEROS = X.copy()
ZEROS[0, 2, 0] = ZEROS[1, 1, 1] = ZEROS[1, 3, 1] = ZEROS[2, 0, 0] = ZEROS[2, 4, 1] = 0


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_products_as_in_pytorch(dim):
    for x in (X, ZEROS, X[:, :0], np.array(2.0)):
        d = dim if np.ndim(x) else 0
        check_torch(lambda x, d=d: x.cumprod(d), lambda x, d=d: x.cumprod(d), x)
    check_gradient(lambda x: x.cumprod(dim), ZEROS)
    for dtype in (np.int32, np.bool_):
        whole = np.array([[1, 2, 0, 3]] * 3).astype(dtype)
        got, want = pydl.cumprod(whole, 1).numpy(), torch.cumprod(torch.tensor(whole), 1).numpy()
        assert got.dtype == want.dtype
        assert got.tolist() == want.tolist()


@pytest.mark.parametrize("size", [0.1, 30.0])
def test_products_beyond_the_range_of_float32(size):
    x = RNG.uniform(0.5 * size, size, (3, 100))
    x[0, :40] = 1.0
    gradients = []
    for dtype in (np.float32, np.float64):
        a = pydl.tensor(x.astype(dtype), requires_grad=True)
        dy = np.where(x.cumprod(1) < 1e30, np.geomspace(1, 1e-20, 100), 0.0)
        a.cumprod(1).backward(dy.astype(dtype))
        gradients.append(a.grad.numpy())
    np.testing.assert_allclose(*gradients, rtol=1e-4, atol=1e-36)


def test_worked_by_hand():
    x = pydl.tensor([2.0, 0.0, 3.0], requires_grad=True)
    y = x.cumprod(0)
    assert y.tolist() == [2, 0, 0]
    y.sum().backward()
    assert x.grad.tolist() == [1, 2 + 6, 0]


def test_refuses():
    check_refused(lambda: pydl.cumprod(X, 3), IndexError, "cumprod: dim is 3, but the input has 3 dimensions")
