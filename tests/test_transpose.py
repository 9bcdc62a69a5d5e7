import numpy as np
import pytest
from checks import check_gradient, check_torch

import pydl
from pydl.ops import permute, transpose

X = np.arange(24.0).reshape(2, 3, 1, 4) / 7

# The same call works on a Tensor of either library.
CALLS = {
    "transpose": lambda x: x.transpose(1, -1),
    "permute": lambda x: x.permute(3, 0, -2, 1),
    "permute tuple": lambda x: x.permute((1, 0, 3, 2)),
    "mT": lambda x: x.mT,
    "movedim": lambda x: x.movedim(0, 2),
    "movedim several": lambda x: x.movedim((3, 0), (0, -1)),
    "T": lambda x: x.reshape(4, 6).T,
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
    assert np.shares_memory(CALLS[name](x).data, x.data)


def test_worked_by_hand():
    x = pydl.tensor([[1, 2, 3], [4, 5, 6]])
    assert x.T.tolist() == [[1, 4], [2, 5], [3, 6]]
    assert x.reshape(1, 2, 3).permute(2, 0, 1).tolist() == [[[1, 4]], [[2, 5]], [[3, 6]]]


def test_of_numbers_and_vectors():
    for x in (pydl.tensor(2.0, requires_grad=True), pydl.tensor([2.0], requires_grad=True)):
        for y in (x.transpose(0, -1), x.permute(*range(x.ndim)), x.T):
            assert y.shape == x.shape
            y.backward()
        assert x.grad.item() == 3


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: transpose(X, 0, 4), IndexError, "transpose: dim1 is 4, but the input has 4 dimensions"),
        (lambda: pydl.movedim(X, 0, (1, 2)), ValueError, "movedim: source 0 and destination .* must name equally many"),
        (lambda: permute(X, 0, 1), ValueError, r"permute: dims \(0, 1\) must name each of the 4 dimensions"),
        (lambda: permute(X, 0, 0, 1, 2), ValueError, "permute: dim .* names a dimension twice"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
