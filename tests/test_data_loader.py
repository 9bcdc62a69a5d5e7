"""DataLoader: batches, order, determinism, errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pydl.random
from pydl.data import Compose, DataLoader, Dataset, Normalize, RandomAffine, Subset, TensorDataset


class Named(Dataset):
    """Item i is {"value": [i, i], "label": i}."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> dict:
        return {"value": np.full(2, index, np.float32), "label": index}


def images(count: int) -> TensorDataset:
    values = np.random.default_rng(0).random((count, 1, 8, 8), dtype=np.float32)
    return TensorDataset(values, np.arange(count))


@settings(deadline=None)
@given(st.integers(0, 30), st.integers(1, 12), st.booleans(), st.booleans())
def test_every_item_once(items, batch_size, shuffle, drop_last):
    if drop_last and items < batch_size:
        with pytest.raises(ValueError, match="drop_last=True leaves no batch"):
            DataLoader(TensorDataset(np.arange(items)), batch_size, shuffle, drop_last=drop_last)
        return
    loader = DataLoader(TensorDataset(np.arange(items)), batch_size, shuffle, drop_last=drop_last)
    batches = [batch for (batch,) in loader]
    assert len(batches) == len(loader)
    assert all(len(batch) == batch_size for batch in batches[:-1])
    seen = np.concatenate(batches) if batches else np.arange(0)
    assert len(np.unique(seen)) == len(seen) == (items // batch_size * batch_size if drop_last else items)
    if not shuffle:
        np.testing.assert_array_equal(seen, np.arange(len(seen)))


def test_batches_are_contiguous_copies():
    x = np.arange(24.0).reshape(4, 6).T
    for batch in DataLoader(TensorDataset(x, np.arange(6)), batch_size=4):
        assert isinstance(batch, tuple)
        assert batch[0].flags.c_contiguous
        batch[0][:] = -1
    assert x.min() == 0


def test_dataset_smaller_than_a_batch():
    ((x, y),) = DataLoader(images(3), batch_size=64)
    assert x.shape == (3, 1, 8, 8)
    assert y.tolist() == [0, 1, 2]


def test_a_subset_loads_in_one_gather():
    calls = []

    class Watched(TensorDataset):
        def gather(self, indices):
            calls.append(indices.tolist())
            return super().gather(indices)

    loader = DataLoader(Subset(Subset(Watched(np.arange(10)), np.arange(9, -1, -1)), [0, 2, 4]), batch_size=2)
    assert [batch.tolist() for (batch,) in loader] == [[9, 7], [5]]
    assert calls == [[9, 7], [5]]


def test_a_subclass_may_change_what_an_item_is():
    class Doubled(TensorDataset):
        def __getitem__(self, index):
            return 2 * self.arrays[0][index], "two"

    (batch,) = DataLoader(Doubled(np.arange(3)), batch_size=3)
    assert batch[0].tolist() == [0, 2, 4]
    assert batch[1] == ["two"] * 3


def test_general_datasets():
    first, second = DataLoader(Named(3), batch_size=2)
    np.testing.assert_array_equal(first["value"], [[0, 0], [1, 1]])
    assert second["label"].tolist() == [2]
    (batch,) = DataLoader(Subset(Named(5), [4, 1]), batch_size=2)
    assert batch["label"].tolist() == [4, 1]
    x, y = next(iter(DataLoader([(np.zeros(3), 1), (np.ones(3), 0)], batch_size=2)))
    assert x.shape == (2, 3)
    assert y.dtype == np.int64


def test_collate_fn():
    loader = DataLoader(["a", "bcd"], batch_size=2, collate_fn=lambda items: max(map(len, items)))
    assert list(loader) == [3]


def test_shuffle_changes_from_epoch_to_epoch_and_repeats_with_the_seed():
    def epochs():
        loader = DataLoader(TensorDataset(np.arange(40)), 7, shuffle=True)
        return [np.concatenate([batch for (batch,) in loader]).tolist() for _ in range(2)]

    pydl.random.manual_seed(5)
    once = epochs()
    pydl.random.manual_seed(5)
    assert epochs() == once
    assert once[0] != once[1]


def test_the_generators_state_resumes_an_epoch():
    generator = np.random.default_rng(1)
    transform = Compose([Normalize(0.5, 0.25), RandomAffine(20, (0.2, 0.2), (0.8, 1.2))])
    loader = DataLoader(images(20), 6, shuffle=True, transform=transform, generator=generator)
    list(loader)
    state = generator.bit_generator.state
    second = list(loader)
    other = np.random.default_rng(99)
    other.bit_generator.state = state
    again = list(DataLoader(images(20), 6, shuffle=True, transform=transform, generator=other))
    for (x, y), (x2, y2) in zip(second, again, strict=True):
        assert x.tobytes() == x2.tobytes()
        assert y.tobytes() == y2.tobytes()


def test_own_generator_leaves_the_global_one_alone_and_order_draws_nothing():
    pydl.random.manual_seed(0)
    before = pydl.random.generator().bit_generator.state
    list(DataLoader(images(9), 4, shuffle=True, generator=np.random.default_rng(0)))
    list(DataLoader(images(9), 4))
    assert pydl.random.generator().bit_generator.state == before


def test_transform_sees_the_inputs_only():
    loader = DataLoader(images(5), 2, transform=lambda x, generator: x[:, :, ::-1] * 0 + 7)
    for x, y in loader:
        assert x.flags.c_contiguous
        assert (x == 7).all()
        assert y.max() < 5
    (batch,) = DataLoader([np.zeros(2), np.ones(2)], 2, transform=lambda x, generator: x + 1)
    np.testing.assert_array_equal(batch, [[1, 1], [2, 2]])


def test_transform_of_a_dict_batch_is_an_error():
    with pytest.raises(TypeError, match="the batch is a dict"):
        next(iter(DataLoader(Named(2), transform=lambda x, generator: x)))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"batch_size": 0}, ValueError, "DataLoader: batch_size is 0, needs at least 1"),
        ({"batch_size": -2}, ValueError, "batch_size is -2"),
        ({"batch_size": 2.0}, TypeError, "batch_size is a float"),
        ({"batch_size": True}, TypeError, "batch_size is a bool"),
        ({"batch_size": 8, "drop_last": True}, ValueError, "dataset has 4 items and a batch needs 8"),
        ({"dataset": 3}, TypeError, "dataset is a int without __len__"),
        ({"transform": 1}, TypeError, "transform is a int"),
        ({"collate_fn": 1}, TypeError, "collate_fn is a int"),
        ({"generator": 42}, TypeError, "generator is a int, needs a numpy.random.Generator"),
    ],
)
def test_rejects(arguments, error, message):
    with pytest.raises(error, match=message):
        DataLoader(**({"dataset": images(4)} | arguments))
