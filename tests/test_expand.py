import numpy as np
import pytest
from checks import check_gradient, check_torch

import pydl
from pydl.ops import broadcast_to, expand

rng = np.random.default_rng(0)
X = rng.standard_normal((4, 3, 5))


@pytest.mark.parametrize("size", [(4, 3, 5), (2, 4, -1, 5), (-1, 3, -1), (0, 4, 3, 5)])
def test_expand(size):
    x = X[:, :1]
    check_torch(lambda x: x.expand(*size), lambda x: x.expand(*size), x)
    check_torch(lambda x: x.expand(size), lambda x: x.expand(size), x)
    check_gradient(lambda x: x.expand(size), x)


def test_expanded_memory_is_shared_and_read_only():
    x = pydl.tensor([1.0])
    y = broadcast_to(x, (3, 2))
    assert np.shares_memory(x.data, y.data)
    with pytest.raises(ValueError, match="read-only"):
        y.fill_(2)
    assert broadcast_to(pydl.tensor(4.0), 2, 2).tolist() == [[4, 4], [4, 4]]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: expand(X, 5), ValueError, r"expand: input of shape \(4, 3, 5\) cannot be repeated to \(5,\)"),
        (lambda: expand(X, 4, 6, 5), ValueError, "cannot be repeated"),
        (lambda: expand(X, -1, 4, 3, 5), ValueError, "cannot be repeated"),
        (lambda: broadcast_to(X, -1, 3, 5), ValueError, "broadcast_to: sizes must be at least 0"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("counts", [(2, 1, 3), (1, 1, 1), (0, 2, 1), (2, 1, 3, 1)], ids=str)
def test_repeat(counts):
    check_torch(lambda x: x.repeat(*counts), lambda x: x.repeat(*counts), X)
    np.testing.assert_array_equal(pydl.tile(X, *counts).numpy(), np.tile(X, counts))
    check_torch(lambda x: x.permute(2, 0, 1).repeat(counts), lambda x: x.permute(2, 0, 1).repeat(counts), X)
