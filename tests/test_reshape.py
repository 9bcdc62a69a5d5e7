import numpy as np
import pytest
from checks import check_gradient, check_torch

import pydl
from pydl.ops import flatten, reshape, squeeze, unsqueeze, view

X = np.arange(24.0).reshape(2, 3, 1, 4) / 7

# The same call works on a Tensor of either library.
CALLS = {
    "reshape": lambda x: x.reshape(4, -1),
    "reshape tuple": lambda x: x.reshape((6, 4)),
    "reshape to a vector": lambda x: x.reshape(-1),
    "reshape of a transpose": lambda x: x.transpose(0, 3).reshape(8, 3),
    "view": lambda x: x.view(6, -1),
    "view tuple": lambda x: x.view((2, 12)),
    "flatten": lambda x: x.flatten(),
    "flatten start": lambda x: x.flatten(1),
    "flatten start end": lambda x: x.flatten(-3, -2),
    "squeeze": lambda x: x.squeeze(),
    "squeeze dim": lambda x: x.squeeze(2),
    "squeeze another": lambda x: x.squeeze(1),
    "squeeze dims": lambda x: x.squeeze((1, -2)),
    "unsqueeze": lambda x: x.unsqueeze(0),
    "unsqueeze behind": lambda x: x.unsqueeze(-1),
    "unsqueeze inside": lambda x: x.unsqueeze(-2),
}


@pytest.mark.parametrize("name", CALLS)
def test_torch(name):
    check_torch(CALLS[name], CALLS[name], X)


@pytest.mark.parametrize("name", CALLS)
def test_gradient(name):
    check_gradient(CALLS[name], X)


@pytest.mark.parametrize("name", CALLS)
def test_memory(name):
    x = pydl.tensor(X)
    assert np.shares_memory(CALLS[name](x).data, x.data) == (name != "reshape of a transpose")


def test_of_arrays_numbers_and_nothing():
    assert reshape(np.zeros((2, 3)), 3, 2).shape == (3, 2)
    x = pydl.tensor(2.0, requires_grad=True)
    for y in (x.reshape(1, 1), x.flatten(), x.squeeze(), x.unsqueeze(0), x.view(())):
        assert y.item() == 2
        y.backward()
    assert x.grad.item() == 5
    nothing = pydl.zeros(0, 3, requires_grad=True)
    nothing.reshape(3, 0).flatten().unsqueeze(0).backward(np.zeros((1, 0)))
    assert nothing.grad.shape == (0, 3)
    assert pydl.zeros(0, 3).view(3, 0).shape == (3, 0)


def test_view_refuses_a_copy():
    with pytest.raises(ValueError, match=r"view: input \(4, 3, 1, 2\) is strided, .* use reshape\(\)"):
        pydl.tensor(X).transpose(0, 3).view(-1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: reshape(X, 5, 5), ValueError, r"reshape: input has 24 elements of shape .* but \(5, 5\) has 25"),
        (lambda: reshape(X, -1, -1), ValueError, r"reshape: only one size .* has 2 times -1"),
        (lambda: reshape(X, 5, -1), ValueError, r"reshape: 24 elements of shape .* do not fill the shape \(5, -1\)"),
        (lambda: reshape(X, -2, 12), ValueError, "reshape: sizes must be at least -1"),
        (lambda: reshape(X, 2.0, 12), TypeError, "reshape: a shape holds integers, not 2.0"),
        (lambda: reshape(X, 0, -1), ValueError, "do not fill"),
        (lambda: view(X, 7), ValueError, "view: input has 24 elements"),
        (lambda: flatten(X, 2, 1), ValueError, "flatten: start_dim 2 comes after end_dim 1"),
        (lambda: flatten(X, 4), IndexError, "flatten: start_dim is 4, but the input has 4 dimensions"),
        (lambda: squeeze(X, 7), IndexError, "squeeze: dim is 7"),
        (lambda: unsqueeze(X, 5), IndexError, "unsqueeze: dim is 5, but must be from -5 to 4"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
