import numpy as np
import pytest
from checks import check_gradient, check_refused, check_torch, check_whole_numbers, torch

import pydl

rng = np.random.default_rng(0)
X, SOURCE = rng.standard_normal((3, 4, 5)), rng.standard_normal((3, 6, 5))
INDEX = rng.integers(0, 4, (2, 6, 5))  # with repetitions
ORDER = np.argsort(rng.random((3, 4, 5)), 1)[:, :3]  # without


def as_index(x, index):
    return index if isinstance(x, pydl.Tensor) else torch.tensor(index)


CALLS = {
    "scatter_add": (lambda x, s: x.scatter_add(1, as_index(x, INDEX), s), SOURCE[:2]),
    "scatter": (lambda x, s: x.scatter(1, as_index(x, ORDER), s), SOURCE[:, :3]),
    "scatter number": (lambda x, s: x.scatter(1, as_index(x, ORDER), 2.5) + s.sum(), SOURCE),
    "index_add": (lambda x, s: x.index_add(1, as_index(x, np.array([3, 0, 3, 1, 1, 2])), s), SOURCE),
    "index_add alpha": (lambda x, s: x.index_add(-2, as_index(x, np.array([3, 0, 3, 1, 1, 2])), s, alpha=-2), SOURCE),
    "nothing": (lambda x, s: x.scatter_add(1, as_index(x, np.zeros((2, 0, 5), int)), s), SOURCE[:2, :0]),
    "in place": (lambda x, s: (x * 1).scatter_add_(1, as_index(x, INDEX), s), SOURCE[:2]),
    "index_add in place": (lambda x, s: (x * 1).index_add_(0, as_index(x, np.array([2, 2])), s[:2, :4]), SOURCE),
    "scatter in place": (lambda x, s: (x * 1).scatter_(1, as_index(x, ORDER), s), SOURCE[:, :3]),
}


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8, np.bool_])
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_sums_of_whole_numbers_and_flags(dtype, dim):
    x, source = (each.integers(0, 200, (3, 4, 5)).astype(dtype) for each in (rng, rng))
    x, source = (x > 150, source > 150) if dtype is np.bool_ else (x, source)
    index = rng.integers(0, 3, x.shape)
    got, want = pydl.tensor(x).scatter_add(dim, index, source), torch.tensor(x)
    want = want.scatter_add(dim, torch.tensor(index), torch.tensor(source))
    np.testing.assert_array_equal(got.numpy(), want.numpy())
    assert got.dtype == dtype
    rows = np.resize(index, x.shape[dim])
    got, want = pydl.tensor(x).index_add(dim, rows, source), torch.tensor(x)
    np.testing.assert_array_equal(got.numpy(), want.index_add(dim, torch.tensor(rows), torch.tensor(source)).numpy())


@pytest.mark.parametrize("name", CALLS)
def test_as_in_pytorch(name):
    call, source = CALLS[name]
    check_torch(call, call, X, source)
    check_gradient(call, X, source)
    if "number" not in name:
        check_whole_numbers(call, X, source, dtypes=("int64", "int32"))


def test_more_than_the_index_names():
    check_gradient(lambda x, s: x.scatter_add(1, INDEX[:, :3], s), X, SOURCE)
    check_gradient(lambda x, s: x.scatter(1, ORDER[:1], s), X, SOURCE)


def test_of_several_the_last_stays():
    x, s = pydl.zeros(3, requires_grad=True), pydl.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x.scatter(0, np.array([1, 1, 0]), s)
    y.backward(np.array([10, 20, 30], np.float32))
    assert (y.tolist(), x.grad.tolist(), s.grad.tolist()) == ([3, 2, 0], [0, 0, 30], [0, 20, 10])


def test_one_hot_as_people_write_it():
    labels = np.array([[2], [0]])
    assert pydl.zeros(2, 3).scatter_(1, labels, 1).tolist() == [[0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pydl.scatter_add(X, 1, INDEX, SOURCE.astype(np.float32)), TypeError,
         "scatter_add: src is float32 but input is float64; convert one of them"),
        (lambda: pydl.scatter_add(X, 1, INDEX, SOURCE[:1]), ValueError,
         "scatter_add: index has shape (2, 6, 5) but must fit into src, (1, 6, 5)"),
        (lambda: pydl.scatter(X, 1, INDEX + 4, 1.0), IndexError, "scatter: index has numbers from 4 to 7 but must lie"),
        (lambda: pydl.index_add(X, 0, [0], SOURCE), ValueError, "index_add: index has shape (1,) and source (3, 6, 5)"),
        (lambda: pydl.scatter_add(1.0, 0, 0, 1.0), ValueError, "scatter_add: input has no dimension to add along"),
    ],
)  # fmt: skip
def test_refuses(call, error, message):
    check_refused(call, error, message)
