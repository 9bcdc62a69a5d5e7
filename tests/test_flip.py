import numpy as np
import pytest
from checks import check_gradient, check_torch

import pydl
from pydl.ops import flip

X = np.arange(24.0).reshape(2, 3, 1, 4) / 7

# The same call works on a Tensor of either library.
CALLS = {
    "flip": lambda x: x.flip(0, -1),
    "flip tuple": lambda x: x.flip((1,)),
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
    assert np.shares_memory(CALLS[name](x).data, x.data) is False


def test_worked_by_hand():
    assert pydl.tensor([[1, 2, 3], [4, 5, 6]]).flip(1).tolist() == [[3, 2, 1], [6, 5, 4]]
    assert pydl.tensor(5.0).flip().item() == 5


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: flip(X, (0, 0)), ValueError, "flip: dim .* names a dimension twice"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
