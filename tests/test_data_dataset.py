"""Data sets: lengths, indexing, subsets, random splits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pydl.random
from pydl.data import ConcatDataset, DataLoader, Dataset, Subset, TensorDataset, collate, random_split


class Squares(Dataset):
    """Item i is (i, i * i)."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[int, float]:
        return index, float(index * index)


class Tensorlike:
    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def numpy(self) -> np.ndarray:
        return self.array


def test_dataset_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        Dataset()


def test_tensor_dataset_indexing():
    x, y = np.arange(12.0).reshape(4, 3), np.arange(4)
    dataset = TensorDataset(x, Tensorlike(y))
    assert len(dataset) == 4
    assert dataset.arrays[0] is x
    assert dataset.arrays[1] is y
    np.testing.assert_array_equal(dataset[1][0], [3, 4, 5])
    assert dataset[-1][1] == 3
    for index in (slice(1, 3), np.array([2, 0]), [3, 3], np.array([True, False, False, True])):
        images, labels = dataset[index]
        np.testing.assert_array_equal(images, x[index])
        np.testing.assert_array_equal(labels, y[index])
    with pytest.raises(IndexError):
        dataset[4]


def test_tensor_dataset_gather_copies():
    x = np.arange(12.0).reshape(3, 4).T[::-1]
    (batch,) = TensorDataset(x).gather(np.arange(4))
    assert batch.flags.c_contiguous
    assert not np.shares_memory(batch, x)
    np.testing.assert_array_equal(batch, x)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ((), "got no arrays"),
        ((np.float32(3.0),), "array 0 has no dimensions"),
        ((np.zeros((3, 2)), np.zeros(4)), r"array 1 has 4 items but array 0 has 3 \(shapes \(4,\) and \(3, 2\)\)"),
    ],
)
def test_tensor_dataset_rejects(arrays, message):
    with pytest.raises(ValueError, match=message):
        TensorDataset(*arrays)


def test_subset_of_arrays_and_of_items():
    for dataset in (TensorDataset(np.arange(10), np.arange(10.0) ** 2), Squares(10)):
        subset = Subset(dataset, [7, 2, -1])
        assert len(subset) == 3
        assert tuple(subset[0]) == (7, 49)
        np.testing.assert_array_equal(subset[1:][1], [4, 81] if dataset[-1][0] == 9 else [4, 1])
        deeper = Subset(subset, np.array([1, 0]))
        np.testing.assert_array_equal(deeper.gather(np.array([1, 0]))[0], [7, 2])


def test_subset_may_be_empty():
    subset = Subset(TensorDataset(np.zeros((5, 2))), [])
    assert len(subset) == 0
    assert subset.gather(np.arange(0))[0].shape == (0, 2)


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ([3], "index 3 does not exist in a data set of 3 items"),
        ([-4], "index -4"),
        ([0.5], "float64"),
        ([[1]], "shape"),
    ],
)
def test_subset_rejects(indices, message):
    with pytest.raises(ValueError, match=message):
        Subset(Squares(3), indices)


@settings(deadline=None)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
def test_random_split_is_a_partition(lengths, seed):
    dataset = TensorDataset(np.arange(sum(lengths)))
    parts = random_split(dataset, lengths, np.random.default_rng(seed))
    assert [len(part) for part in parts] == lengths
    everything = np.concatenate([part.indices for part in parts])
    np.testing.assert_array_equal(np.sort(everything), np.arange(sum(lengths)))


@pytest.mark.parametrize(
    ("total", "fractions", "sizes"),
    [
        (10, [0.5, 0.5], [5, 5]),
        (10, [0.9, 0.1], [9, 1]),
        (5, [0.5, 0.5], [3, 2]),
        (11, [0.3, 0.3, 0.4], [4, 3, 4]),
        (7, [1.0], [7]),
        (0, [0.8, 0.2], [0, 0]),
        (1, [0.25] * 4, [1, 0, 0, 0]),
        (3, [1], [3]),
    ],
)
def test_random_split_fractions(total, fractions, sizes):
    assert [len(part) for part in random_split(TensorDataset(np.arange(total)), fractions)] == sizes


def test_random_split_like_pytorch():
    torch = pytest.importorskip("torch")
    for total in (10, 17, 100, 4001):
        for fractions in ([0.8, 0.2], [0.7, 0.2, 0.1], [0.333, 0.333, 0.334]):
            theirs = torch.utils.data.random_split(range(total), fractions)
            ours = random_split(TensorDataset(np.arange(total)), fractions)
            assert [len(part) for part in ours] == [len(part) for part in theirs]


def test_random_split_draws_from_the_global_generator():
    dataset = TensorDataset(np.arange(50))
    pydl.random.manual_seed(3)
    first = [part.indices.tolist() for part in random_split(dataset, [40, 10])]
    pydl.random.manual_seed(3)
    assert [part.indices.tolist() for part in random_split(dataset, [40, 10])] == first
    assert first[0] != sorted(first[0])


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([3, 3], r"add up to 6, needs 5 items"),
        ([0.5, 0.4], "add up to 0.9"),
        ([6, -1], "at least 0"),
        ([float("nan"), 1.0], "at least 0"),
        ([], "add up to 0"),
    ],
)
def test_random_split_rejects(lengths, message):
    with pytest.raises(ValueError, match=message):
        random_split(TensorDataset(np.arange(5)), lengths)


def test_collate_follows_the_structure():
    items = [{"x": np.full(2, i, np.float64), "y": (i, float(i)), "name": str(i)} for i in range(3)]
    batch = collate(items)
    assert batch["x"].dtype == np.float64
    np.testing.assert_array_equal(batch["x"], [[0, 0], [1, 1], [2, 2]])
    assert batch["y"][0].dtype == np.int64
    assert batch["y"][1].dtype == np.float32
    assert batch["name"] == ["0", "1", "2"]
    assert collate([True, False]).dtype == bool
    assert collate([np.uint8(3)]).dtype == np.uint8
    assert collate([Tensorlike(np.ones(2, np.float32))] * 4).shape == (4, 2)


@pytest.mark.parametrize(
    ("items", "error", "message"),
    [
        ([], ValueError, "items is empty"),
        ([np.zeros(2), np.zeros(3)], ValueError, r"shapes \(2,\) and \(3,\)"),
        ([(1, 2), (1,)], ValueError, "tuple of 2 fields"),
        ([{"a": 1}, {"b": 1}], ValueError, "keys"),
        ([{"a": 1}, 3], ValueError, "keys"),
        ([object()], TypeError, "an item is a object"),
    ],
)
def test_collate_rejects(items, error, message):
    with pytest.raises(error, match=message):
        collate(items)


def test_several_data_sets_as_one():
    parts = [
        TensorDataset(np.arange(3)),
        TensorDataset(np.zeros(0, int)),
        TensorDataset(np.arange(10, 12)),
    ]
    whole = ConcatDataset(parts)
    assert len(whole) == 5
    assert [int(whole[i][0]) for i in range(5)] == [0, 1, 2, 10, 11]
    assert int(whole[-1][0]) == 11
    (batch,) = next(iter(DataLoader(whole, 5)))
    assert batch.tolist() == [0, 1, 2, 10, 11]
    with pytest.raises(IndexError, match="ConcatDataset: index 5 does not exist in a data set of 5 items"):
        whole[5]
    with pytest.raises(ValueError, match="ConcatDataset: datasets is empty"):
        ConcatDataset([])


def test_lists_of_python_numbers_have_the_types_of_tensors():
    x, y = TensorDataset([[0.5, 1.0], [2.0, 3.0]], [0, 1]).arrays
    assert (x.dtype, y.dtype) == (np.float32, np.int64)
