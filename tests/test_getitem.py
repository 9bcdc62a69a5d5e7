import numpy as np
import pytest
from checks import check_gradient, check_torch

import pydl
from pydl.ops.getitem import getitem

rng = np.random.default_rng(0)
X = rng.standard_normal((4, 3, 5))
MASK = rng.random((4, 3)) < 0.5

INDICES = {
    "integer": 1,
    "negative integer": -1,
    "numpy integer": np.int64(2),
    "slice": slice(1, 3),
    "step": (slice(None), slice(None, None, 2)),
    "none": (None, 1, None),
    "ellipsis": (..., 2),
    "ellipsis inside": (0, ..., slice(1, 2)),
    "all integers": (1, 2, 3),
    "nothing": (),
    "empty slice": slice(2, 2),
    "array": np.array([0, 2, 2, 0]),
    "negative array": np.array([-1, 3, -4]),
    "empty array": np.zeros(0, np.int64),
    "list": [3, 0],
    "matrix": np.array([[0, 1], [1, 1]]),
    "two arrays": (np.array([0, 0, 3]), np.array([1, 1, 2])),
    "broadcast arrays": (np.array([[0], [3]]), np.array([1, 1])),
    "three arrays": (np.array([0, 0]), np.array([1, 1]), np.array([4, 4])),
    "array and integer": (np.array([1, 1]), 2),
    "integer and array": (2, np.array([1, 1])),
    "array and slice": (slice(1, 3), np.array([1, 1])),
    "arrays apart": (np.array([1, 1]), slice(None), np.array([2, 2])),
    "array, ellipsis": (np.array([1, 1]), ...),
    "ellipsis, array": (..., np.array([4, 4, 0])),
    "none and array": (None, np.array([1, 1])),
    "mask": MASK,
    "full mask": X > 0,
    "mask of the first": np.array([True, False, True, True]),
    "mask and slice": (slice(None), np.array([True, False, True]), slice(2)),
    "mask and array": (np.array([True, False, True, False]), np.array([1, 1])),
    "no hit": np.zeros((4, 3), bool),
    "true": True,
    "false": False,
    "integer and true": (1, True),
    "slice and false": (slice(1, 3), False),
    "all integers and true": (1, 2, 3, True),
}
# Where PyTorch does not count an integer among the arrays, and numpy does.
APART = {
    "integer, slice, array": (1, slice(None), np.array([1, 1])),
    "integer, slice, list": (1, slice(1, 3), [1, 4, 0]),
    "integer, ellipsis, array": (-1, ..., np.array([1, 1, 4])),
    "integer, none, array": (1, None, np.array([0, 2, 2])),
    "integer, slice, mask": (2, slice(None), np.array([True, False, True, True, False])),
    "array, ellipsis for nothing, array": (slice(None), np.array([0, 1]), ..., np.array([4, 4])),
    "array, slice, integer": (np.array([0, 2, 1]), slice(None), 3),
    "mask, none, integer": (MASK, None, 2),
}


def test_worked_by_hand():
    x = pydl.tensor([10.0, 20.0, 30.0], requires_grad=True)
    y = x[np.array([2, 0, 2])]
    y.backward(np.array([1.0, 2.0, 3.0]))
    assert y.tolist() == [30, 10, 30]
    assert x.grad.tolist() == [2, 0, 4]


@pytest.mark.parametrize("truth", [True, np.True_, np.array(True)])
def test_true_is_a_copy_with_a_gradient(truth):
    x = pydl.tensor([1.0, 2.0], requires_grad=True)
    y = x[truth]
    y.sum().backward()
    assert y.tolist() == [[1, 2]]
    assert x.grad.tolist() == [1, 1]


@pytest.mark.parametrize("name", [*INDICES, *APART])
def test_torch(name):
    torch = pytest.importorskip("torch")
    index = (INDICES | APART)[name]
    theirs = (
        tuple(torch.as_tensor(i) if isinstance(i, np.ndarray) else i for i in index)
        if isinstance(index, tuple)
        else (torch.as_tensor(index) if isinstance(index, np.ndarray) else index)
    )
    check_torch(lambda x: x[index], lambda x: x[theirs], X)


@pytest.mark.parametrize("name", [*INDICES, *APART])
def test_gradient(name):
    x = X[:, :, :]
    check_gradient(lambda x: x[(INDICES | APART)[name]], x)


@pytest.mark.parametrize("name", INDICES)
def test_numpy(name):
    index = INDICES[name]
    y = getitem(X, index)
    assert isinstance(y.data, np.ndarray)
    np.testing.assert_array_equal(y.numpy(), X[index])


def test_tensors_as_indices():
    x = pydl.tensor(X)
    index = pydl.tensor([1, 2])
    np.testing.assert_array_equal(x[index].numpy(), X[[1, 2]])
    np.testing.assert_array_equal(x[pydl.tensor(1)].numpy(), X[1])
    np.testing.assert_array_equal(x[pydl.tensor(1) : pydl.tensor(3), index].numpy(), X[1:3, [1, 2]])
    np.testing.assert_array_equal(x[pydl.tensor(MASK)].numpy(), X[MASK])


def test_the_gradient_does_not_see_later_changes_of_the_index():
    x = pydl.tensor(X, requires_grad=True)
    index = np.array([0, 1])
    y = x[index]
    index[:] = 3
    y.sum().backward()
    assert x.grad.numpy()[:, 0, 0].tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.int8])
def test_pairs_of_numbers(dtype):
    x = (9 * rng.standard_normal((70, 50))).astype(dtype)[::2, ::-1]
    for low, count in ((0, 0), (0, 3), (0, 5000), (-1, 5000)):
        row, column = (rng.integers(low * size, size, count) for size in x.shape)
        got = pydl.tensor(x)[pydl.tensor(row), pydl.tensor(column)].numpy()
        np.testing.assert_array_equal(got, x[row, column])
        np.testing.assert_array_equal(pydl.tensor(x)[row[::-1], column[::-1]].numpy(), got[::-1])
    for backend in ("native", "reference"):
        message = "getitem: index 35 is out of bounds for axis 0 with size 35"
        with pydl.use_backend(backend), pytest.raises(IndexError, match=message):
            pydl.tensor(x)[np.array([0, 35]), np.array([0, 0])]


def test_many_rows_whatever_the_threads():
    index = rng.integers(0, 50, 5000)
    dy = rng.standard_normal((5000, 37)).astype(np.float32)
    outcomes = set()
    for threads in (1, 2, 3):
        before = pydl.get_num_threads()
        pydl.set_num_threads(threads)
        x = pydl.zeros(50, 37, requires_grad=True)
        x[index].backward(dy)
        pydl.set_num_threads(before)
        outcomes.add(x.grad.data.tobytes())
    assert len(outcomes) == 1
    want = np.zeros((50, 37))
    np.add.at(want, index, dy)
    np.testing.assert_allclose(x.grad.numpy(), want, atol=1e-4)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (4, r"getitem: index 4 is out of bounds for axis 0 with size 4 \(tensor \(4, 3, 5\)\)"),
        (np.array([0, 9]), "getitem: index 9 is out of bounds"),
        ((0, 0, 0, 0), "getitem: too many indices"),
        (1.5, "getitem: only integers, slices"),
        ("x", "getitem: only integers, slices"),
        (np.array([1.0]), "getitem: an index array must hold integers or bool, but has dtype float64"),
        ([0.5], "getitem: an index array must hold integers or bool"),
        (np.ones(3, bool), "getitem: boolean index did not match"),
        ((..., 0, ...), "getitem: an index can only have a single ellipsis"),
    ],
)
def test_refuses(index, message):
    with pytest.raises(IndexError, match=message):
        pydl.tensor(X)[index]
