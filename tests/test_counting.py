"""What integers and places say about numbers, against PyTorch."""

import numpy as np
import pytest
from checks import torch

import pydl

RNG = np.random.default_rng(0)
X = RNG.integers(0, 4, (4, 5))
F = np.round(RNG.standard_normal((4, 5)), 1)


def same(ours, theirs):
    """Equal numbers and shapes; one result or several."""
    if isinstance(theirs, tuple):
        assert len(ours) == len(theirs)
        for mine, other in zip(ours, theirs, strict=True):
            same(mine, other)
    else:
        theirs = theirs.numpy() if hasattr(theirs, "numpy") else theirs
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours.numpy(), theirs)


@pytest.mark.parametrize("name", ["unique", "unique_consecutive"])
def test_unique_as_in_pytorch(name):
    for x in (X, F, X[:0], X[0], np.sort(X.reshape(-1)), X > 1):
        for dim in (None, 0, 1):
            if (dim == 1 and x.ndim == 1) or (dim is not None and x.size == 0):
                continue
            same(getattr(pydl, name)(x, dim=dim), getattr(torch, name)(torch.tensor(x), dim=dim))
            options = {"return_inverse": True, "return_counts": True, "dim": dim}
            same(getattr(pydl, name)(x, **options), getattr(torch, name)(torch.tensor(x), **options))
    repeated = np.array([[1, 2], [1, 2], [0, 0], [1, 2]])
    same(getattr(pydl, name)(repeated, dim=0), getattr(torch, name)(torch.tensor(repeated), dim=0))
    assert len(getattr(pydl, name)(np.array([np.nan, np.nan]))) == 2


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64])
def test_unique_of_integers_at_the_ends_of_their_range(dtype):
    limits = np.iinfo(dtype)
    for x in (np.array([limits.max, limits.max - 1, limits.max], dtype), np.array([limits.min, limits.max], dtype)):
        want = np.unique(x, return_inverse=True, return_counts=True)
        for ours, theirs in zip(pydl.unique(x, return_inverse=True, return_counts=True), want, strict=True):
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours.numpy(), theirs)


def test_places_of_many_dimensions():
    x = RNG.integers(0, 2, (3, 1, 4, 5))
    same(pydl.argwhere(x), torch.argwhere(torch.tensor(x)))
    same(pydl.nonzero(x[:, :, ::-1] > 0, as_tuple=True), torch.nonzero(torch.tensor(x).flip(2), as_tuple=True))
    same(pydl.argwhere(x[:0]), torch.argwhere(torch.tensor(x[:0])))
    same(pydl.argwhere(np.ones(())), torch.argwhere(torch.ones(())))


def test_bincount_as_in_pytorch():
    x, w = X.reshape(-1), F.reshape(-1)
    same(pydl.bincount(x), torch.bincount(torch.tensor(x)))
    same(pydl.bincount(x, minlength=9), torch.bincount(torch.tensor(x), minlength=9))
    for dtype in (np.float32, np.float64):
        got, want = pydl.bincount(x, w.astype(dtype)), torch.bincount(torch.tensor(x), torch.tensor(w.astype(dtype)))
        assert got.dtype == want.numpy().dtype
        np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-5)
    same(pydl.bincount(x[:0]), torch.bincount(torch.tensor(x[:0])))


def test_histograms_as_in_pytorch():
    for arguments in [(), (4,), (4, -1, 1)]:
        same(pydl.histc(F, *arguments), torch.histc(torch.tensor(F), *arguments))
    same(pydl.histc(np.ones(3, np.float32), 3), torch.histc(torch.ones(3), 3))
    for options in [{"bins": 4}, {"bins": 3, "range": (-1.0, 1.0)}, {"bins": 4, "density": True}]:
        for mine, other in zip(pydl.histogram(F, **options), torch.histogram(torch.tensor(F), **options), strict=True):
            np.testing.assert_allclose(mine.numpy(), other.numpy(), rtol=1e-12, atol=1e-12)
    edges = np.array([-2.0, -0.5, 0.1, 3.0])
    ours = pydl.histogram(F, edges, weight=F**2)
    np.testing.assert_allclose(
        ours.hist.numpy(), torch.histogram(torch.tensor(F), torch.tensor(edges), weight=torch.tensor(F**2)).hist.numpy()
    )


def test_places_as_in_pytorch():
    for x in (X, F, X > 1, X[:0], np.array(3), np.array(0)):
        same(pydl.nonzero(x), torch.nonzero(torch.tensor(x)))
        same(pydl.argwhere(x), torch.argwhere(torch.tensor(x)))
        same(pydl.nonzero(x, as_tuple=True), torch.nonzero(torch.tensor(x), as_tuple=True))
    for arguments in [(3, 4), (4, 3, 1), (3, 3, -2), (0, 2)]:
        same(pydl.tril_indices(*arguments), torch.tril_indices(*arguments))
        same(pydl.triu_indices(*arguments), torch.triu_indices(*arguments))
    same(pydl.isin(X, np.array([1, 3])), torch.isin(torch.tensor(X), torch.tensor([1, 3])))
    same(pydl.isin(X, 2, invert=True), torch.isin(torch.tensor(X), 2, invert=True))


def test_searchsorted_as_in_pytorch():
    lines, vector = np.sort(F, 1), np.sort(F.reshape(-1))
    for right in (False, True):
        for sequence in (lines, vector):
            want = torch.searchsorted(torch.tensor(sequence), torch.tensor(F), right=right)
            same(pydl.searchsorted(sequence, F, right=right), want)
        same(
            pydl.bucketize(F, vector, right=right), torch.bucketize(torch.tensor(F), torch.tensor(vector), right=right)
        )
    assert pydl.searchsorted([1, 3, 5], 4).item() == 2
    assert pydl.bucketize(3, [1, 3, 5]).item() == 1


def test_methods():
    x = pydl.tensor(X)
    assert x.unique().tolist() == pydl.unique(X).tolist()
    assert x.nonzero().shape == pydl.nonzero(X).shape
    assert x[0].bincount().tolist() == np.bincount(X[0]).tolist()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: pydl.bincount(X),
            ValueError,
            "bincount: input must be a vector of integers of at least 0, but is int64",
        ),
        (lambda: pydl.bincount(X[0], F), ValueError, r"bincount: weights has shape \(4, 5\) but input has \(5,\)"),
        (lambda: pydl.histc(X), TypeError, "histc: input has dtype int64 but must be float32 or float64"),
        (lambda: pydl.histc(F, 3, 2, 1), ValueError, "histc: the range from 2.0 to 1.0 must be finite"),
        (lambda: pydl.histc(np.array([np.nan])), ValueError, "histc: the range from nan to nan must be finite"),
        (
            lambda: pydl.searchsorted(F, F[:2]),
            ValueError,
            r"searchsorted: sorted_sequence has shape \(4, 5\) but must be a",
        ),
        (lambda: pydl.bucketize(F, F), ValueError, r"bucketize: boundaries must be a vector, but has shape \(4, 5\)"),
        (lambda: pydl.unique(3, dim=0), ValueError, "unique: input has no dimensions; leave dim out"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
