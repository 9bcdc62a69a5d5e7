import numpy as np
import pytest
from checks import check_gradient, check_torch

import pydl
from pydl.ops import cat, chunk, split, unbind

rng = np.random.default_rng(0)
X = rng.standard_normal((4, 3, 5))


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


PIECES = {
    "split": lambda x: x.split(2),
    "split dim": lambda x: x.split(2, -1),
    "split sections": lambda x: x.split([1, 0, 4], 2),
    "split one": lambda x: x.split(9),
    "chunk": lambda x: x.chunk(3),
    "chunk dim": lambda x: x.chunk(4, 2),
    "chunk many": lambda x: x.chunk(9, 1),
    "unbind": lambda x: x.unbind(),
    "unbind dim": lambda x: x.unbind(-2),
    "iteration": lambda x: tuple(x),
    "unpacking": lambda x: [*x],
}


@pytest.mark.parametrize("name", PIECES)
def test_pieces(torch, name):
    call = PIECES[name]
    assert [y.shape for y in call(pydl.tensor(X))] == [tuple(y.shape) for y in call(torch.tensor(X))]
    for n in range(len(call(pydl.tensor(X)))):
        check_torch(lambda x, n=n: call(x)[n], lambda x, n=n: call(x)[n], X)
    check_gradient(lambda x: cat([y.flatten() for y in call(x)]), X[:, :, :])


def test_pieces_are_views():
    x = pydl.tensor(X)
    for y in (*x.split(2), *x.chunk(2, 1), *x.unbind(2), *x):
        assert np.shares_memory(x.data, y.data)
        assert y.version is x.version


def test_pieces_of_vectors_have_no_dimensions():
    assert [(y.shape, y.item()) for y in pydl.tensor([1, 2])] == [((), 1), ((), 2)]
    assert pydl.zeros(0, 2).unbind() == ()
    assert [y.shape for y in pydl.zeros(0).chunk(2)] == [(0,), (0,)]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: split(X, 0), ValueError, "split: split_size_or_sections must be at least 1, not 0"),
        (lambda: split(X, [1, 2]), ValueError, r"split: sizes \[1, 2\] add up to 3, but dimension 0 .* is 4"),
        (lambda: chunk(X, 0), ValueError, "chunk: chunks must be at least 1"),
        (lambda: unbind(pydl.tensor(1.0)), ValueError, "unbind: input has no dimensions"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
