"""gather and index_select, against PyTorch and central differences."""

import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_refused, check_torch, check_whole_numbers, torch

import pydl
from pydl.ops.gather import gather_backward, gather_forward, scatter_forward

rng = np.random.default_rng(0)
X = rng.standard_normal((3, 4, 5))
CALLS = {
    "gather 0": (lambda x, i: x.gather(0, i), rng.integers(0, 3, (7, 4, 5))),
    "gather 1": (lambda x, i: x.gather(1, i), rng.integers(0, 4, (2, 9, 3))),
    "gather -1": (lambda x, i: x.gather(-1, i), rng.integers(0, 5, (3, 4, 1))),
    "gather nothing": (lambda x, i: x.gather(1, i), np.zeros((2, 0, 3), int)),
    "index_select": (lambda x, i: x.index_select(1, i), np.array([3, 0, 3])),
    "index_select nothing": (lambda x, i: x.index_select(-1, i), np.zeros(0, int)),
}


@pytest.mark.parametrize("kernel", [gather_forward, gather_backward, scatter_forward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


@pytest.mark.parametrize("name", CALLS)
def test_as_in_pytorch(name):
    call, index = CALLS[name]
    check_torch(call, call, X, index)
    check_gradient(lambda x: call(x, pydl.tensor(index)), X)
    check_whole_numbers(lambda x: call(x, index if isinstance(x, pydl.Tensor) else torch.tensor(index)), X)


def test_numbers_without_dimensions():
    x = pydl.tensor(3.0, requires_grad=True)
    y = x.gather(0, np.array(0)) + x.index_select(0, np.array([0]))
    y.backward()
    assert (y.item(), x.grad.item()) == (6.0, 2.0)
    assert x.gather(0, np.zeros(4, int)).shape == (4,)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pydl.gather(X, 1, np.full((1, 1, 1), 4)), IndexError,
         "gather: index has numbers from 4 to 4 but must lie in 0..3"),
        (lambda: pydl.gather(X, 1, np.full((1, 1, 1), -1)), IndexError, "gather: index has numbers from -1 to -1"),
        (lambda: pydl.gather(X, 1, np.zeros((4, 1, 1), int)), ValueError,
         "gather: index has shape (4, 1, 1) but must fit into (3, 4, 5) in all but dimension 1"),
        (lambda: pydl.gather(X, 1, np.zeros((1, 1, 1))), TypeError, "gather: index has dtype float64 but must hold"),
        (lambda: pydl.index_select(X, 0, np.zeros((1, 1), int)), ValueError, "index_select: index must be a vector"),
    ],
)  # fmt: skip
def test_refuses(call, error, message):
    check_refused(call, error, message)
