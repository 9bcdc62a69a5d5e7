"""Samplers: which items come, how often, and that DataLoader follows them."""

import numpy as np
import pytest

import pydl
from pydl.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    class_weights,
)

DATA = TensorDataset(np.arange(10))


def items(loader):
    return [batch[0].tolist() for batch in loader]


def test_orders():
    assert list(SequentialSampler(DATA)) == list(range(10))
    assert sorted(RandomSampler(DATA)) == list(range(10))
    assert sorted(SubsetRandomSampler([7, 3, 3])) == [3, 3, 7]
    more = list(RandomSampler(DATA, num_samples=15))
    assert sorted(more[:10]) == list(range(10))
    assert len(set(more[10:])) == 5
    assert len(RandomSampler(DATA, num_samples=4)) == len(list(RandomSampler(DATA, num_samples=4))) == 4
    drawn = list(RandomSampler(DATA, replacement=True, num_samples=500))
    assert set(drawn) == set(range(10))
    assert list(BatchSampler(range(5), 2, False)) == [[0, 1], [2, 3], [4]]
    assert list(BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert len(BatchSampler(range(5), 2, False)) == 3


def test_weights_decide_how_often():
    sampler = WeightedRandomSampler([1, 0, 3], 4000, generator=np.random.default_rng(0))
    counts = np.bincount(list(sampler), minlength=3)
    assert len(sampler) == 4000
    assert counts[1] == 0
    assert counts[2] / counts[0] == pytest.approx(3, rel=0.15)
    assert sorted(WeightedRandomSampler([1, 0, 3, 1], 3, replacement=False)) == [0, 2, 3]


def test_classes_in_balance():
    labels = np.array([0] * 90 + [2] * 10)
    weights = class_weights(labels, classes=3)
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights, [100 / 3 / 90, 0, 100 / 3 / 10])
    np.testing.assert_allclose(class_weights(np.array([0, 1, 1, 1])), [2, 2 / 3])
    sampler = WeightedRandomSampler(weights[labels], 2000, generator=np.random.default_rng(0))
    drawn = labels[list(sampler)]
    assert np.mean(drawn == 2) == pytest.approx(0.5, abs=0.05)
    loss = pydl.nn.CrossEntropyLoss(weight=weights)
    scores = np.zeros((100, 3), np.float32)
    scores[:, 0] = 3  # says 0 of all: each class has half of the loss' weight
    right, wrong = (np.log(2 + np.e**3) - each for each in (3, 0))
    assert loss(scores, labels).item() == pytest.approx((right + wrong) / 2, rel=1e-5)


def test_seeds_repeat_an_order():
    for make in (
        lambda **each: RandomSampler(DATA, **each),
        lambda **each: SubsetRandomSampler(range(10), **each),
        lambda **each: WeightedRandomSampler(np.ones(10), 10, **each),
    ):
        first, second = (list(make(generator=np.random.default_rng(4))) for _ in range(2))
        assert first == second
        pydl.manual_seed(4)
        assert list(make()) == first
    pydl.manual_seed(4)
    shuffled = items(DataLoader(DATA, 4, shuffle=True))
    pydl.manual_seed(4)
    assert items(DataLoader(DATA, 4, sampler=RandomSampler(DATA))) == shuffled


def test_loader_follows_them():
    loader = DataLoader(DATA, 4, sampler=SubsetRandomSampler([1, 3, 5, 7, 9]))
    assert len(loader) == 2
    assert sorted(item for batch in items(loader) for item in batch) == [1, 3, 5, 7, 9]
    assert items(DataLoader(DATA, 2, sampler=[9, 0, 0])) == [[9, 0], [0]]
    assert items(DataLoader(DATA, 2, sampler=[9, 0, 0], drop_last=True)) == [[9, 0]]
    lists = DataLoader(DATA, batch_sampler=[[1, 2, 3], [4]])
    assert len(lists) == 2
    assert items(lists) == [[1, 2, 3], [4]]
    assert items(DataLoader(list(range(5)), 2, sampler=[4, 3], collate_fn=lambda each: [np.array(each)])) == [[4, 3]]
    assert items(loader.in_order()) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: DataLoader(DATA, shuffle=True, sampler=[1]),
            ValueError,
            "shuffle, sampler and batch_sampler are three",
        ),
        (lambda: DataLoader(DATA, sampler=3), TypeError, "DataLoader: sampler is a int without a length"),
        (
            lambda: items(DataLoader(DATA, sampler=[10])),
            ValueError,
            r"sampler gave array\(\[10\]\), needs numbers of the",
        ),
        (lambda: items(DataLoader(DATA, batch_sampler=[[0.5]])), ValueError, "DataLoader: batch_sampler gave"),
        (lambda: items(DataLoader(DATA, batch_sampler=[3])), TypeError, "batch_sampler must be lists of numbers"),
        (lambda: DataLoader(DATA, 3, sampler=[1], drop_last=True), ValueError, "drop_last=True leaves no batch"),
        (lambda: SequentialSampler(3), TypeError, "SequentialSampler: data_source is a int without a length"),
        (lambda: RandomSampler(DATA, num_samples=0), ValueError, "RandomSampler: num_samples must be at least 1"),
        (lambda: RandomSampler(DATA, generator=3), TypeError, "generator is a int, needs a numpy.random.Generator"),
        (lambda: SubsetRandomSampler(3), TypeError, "SubsetRandomSampler: indices must be numbers of items, not 3"),
        (lambda: WeightedRandomSampler([1, -1], 2), ValueError, "weights must be finite numbers of at least 0"),
        (lambda: WeightedRandomSampler([1, 0], 2, False), ValueError, "1 weights are above 0, too few to draw 2 items"),
        (lambda: WeightedRandomSampler([0, 0], 2), ValueError, "0 weights are above 0, too few"),
        (lambda: BatchSampler(3, 2, False), TypeError, "BatchSampler: sampler is a int without a length"),
        (lambda: class_weights([0.5, 1]), ValueError, "labels must be class numbers of shape .N,., not float32"),
        (lambda: class_weights([0, 5], classes=3), ValueError, "there are 3 classes .0 to 2., but a label is 5"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
