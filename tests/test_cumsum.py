import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_refused, check_torch, check_whole_numbers

import pydl
from pydl.ops.cumsum import cumsum_forward, cumsum_integers, prod_forward

X = np.random.default_rng(0).standard_normal((3, 4, 5))


@pytest.mark.parametrize("kernel", [cumsum_forward, cumsum_integers, prod_forward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_as_in_pytorch(dim):
    def call(x):
        return x.cumsum(dim)

    for values in (X, X[:0], X[:, :, ::2]):
        check_torch(call, call, values)
    check_gradient(call, X)
    check_whole_numbers(call, X)


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8, np.bool_])
def test_sums_and_products_of_whole_numbers(dtype):
    x = np.random.default_rng(0).integers(0, 2**40, (9, 40, 33)).astype(dtype)  # products are modulo 2^64
    for view in (x, x[::-1, ::2], x.T, x[:, :, :1], x[:, :0]):
        for dim in range(3):
            np.testing.assert_array_equal(pydl.cumsum(view, dim).numpy(), np.cumsum(view, dim, np.int64))
            np.testing.assert_array_equal(pydl.cumprod(view, dim).numpy(), np.cumprod(view, dim, np.int64))


def test_numbers_without_dimensions():
    check_torch(lambda x: x.cumsum(0), lambda x: x.cumsum(0), np.array(3.0))
    assert pydl.tensor(7).cumsum(-1).item() == 7


def test_worked_by_hand():
    x = pydl.tensor([1.0, 2.0, 4.0], requires_grad=True)
    y = x.cumsum(0)
    y.backward(np.array([1, 1, 1], np.float32))
    assert (y.tolist(), x.grad.tolist()) == ([1, 3, 7], [3, 2, 1])


def test_refuses():
    check_refused(lambda: pydl.cumsum(X, 3), IndexError, "cumsum: dim is 3, but the input has 3 dimensions")
