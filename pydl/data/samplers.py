"""Samplers: in which order, and how often, a DataLoader visits the items of a data set.

    DataLoader(TensorDataset(x, labels), batch_size=32, sampler=RandomSampler(labels, num_samples=1000))

generator: draws the order; None means the library's own (pydl.manual_seed). Source: the semantics of torch.utils.data.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arguments import Array, check_array, check_flag, check_integer, check_list
from ..random import generator as global_generator

if TYPE_CHECKING:
    from numpy.random import Generator


def check_generator(user: str, generator: Any) -> None:
    """Refuses what does not shuffle; None stands for the library's own generator."""
    if generator is not None and not hasattr(generator, "permutation"):
        raise TypeError(f"{user}: generator is a {type(generator).__name__}, needs a numpy.random.Generator")


def check_sized(user: str, name: str, value: Any) -> Any:
    """`value`, which must have a length."""
    try:
        len(value)
    except TypeError:
        raise TypeError(f"{user}: {name} is a {type(value).__name__} without a length") from None
    return value


class Sampler(ABC):
    """The interface: iter() gives the numbers of the items of one epoch, len() says how many there are."""

    @abstractmethod
    def __iter__(self) -> Iterator[Any]: ...

    @abstractmethod
    def __len__(self) -> int: ...


class SequentialSampler(Sampler):
    """0, 1, ..., len(data_source) - 1."""

    def __init__(self, data_source: Any) -> None:
        self.data_source = check_sized("SequentialSampler", "data_source", data_source)

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self)))

    def __len__(self) -> int:
        return len(self.data_source)


class _Drawn(Sampler):
    """What random samplers share."""

    def __init__(self, generator: Generator | None) -> None:
        check_generator(type(self).__name__, generator)
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        return iter(self._draw(global_generator() if self.generator is None else self.generator))

    def _draw(self, generator: Generator) -> Any:
        raise NotImplementedError


class RandomSampler(_Drawn):
    """All items in a random order; or num_samples of them, with replacement=True each drawn anew from all.

    More items than there are, without replacement, begin a new order whenever all have had their turn.
    """

    def __init__(
        self,
        data_source: Any,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(generator)
        self.data_source = check_sized("RandomSampler", "data_source", data_source)
        self.replacement = check_flag("RandomSampler", "replacement", replacement)
        self.num_samples = num_samples
        if num_samples is not None:
            check_integer("RandomSampler", "num_samples", num_samples, 1)

    def _draw(self, generator: Generator) -> Any:
        items, count = len(self.data_source), len(self)
        if self.replacement:
            return generator.integers(items, size=count).tolist()
        orders = [generator.permutation(items) for _ in range(-(-count // max(items, 1)))]
        return np.concatenate([*orders, []])[:count].astype(np.int64).tolist()

    def __len__(self) -> int:
        return len(self.data_source) if self.num_samples is None else self.num_samples


class SubsetRandomSampler(_Drawn):
    """The given numbers in a random order."""

    def __init__(self, indices: Any, generator: Generator | None = None) -> None:
        super().__init__(generator)
        self.indices = check_list("SubsetRandomSampler", "indices", indices, "numbers of items")

    def _draw(self, generator: Generator) -> Any:
        return [self.indices[i] for i in generator.permutation(len(self))]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(_Drawn):
    """num_samples numbers i, each drawn with probability weights[i] / sum of weights.

    weights (N,): not negative, one for each item. replacement=False: no number comes twice.
    """

    def __init__(
        self, weights: Any, num_samples: int, replacement: bool = True, generator: Generator | None = None
    ) -> None:
        super().__init__(generator)
        name = "WeightedRandomSampler"
        given = check_array(name, "weights", weights.data if hasattr(weights, "requires_grad") else weights)
        self.weights = given.astype(np.float64)
        if given.ndim != 1 or not ((self.weights >= 0) & (self.weights < np.inf)).all():
            raise ValueError(f"{name}: weights must be finite numbers of at least 0, of shape (N,), not {given.shape}")
        self.num_samples = check_integer(name, "num_samples", num_samples, 1)
        self.replacement = check_flag(name, "replacement", replacement)
        possible = int(np.count_nonzero(self.weights))
        if possible < (1 if self.replacement else self.num_samples):
            raise ValueError(f"{name}: {possible} weights are above 0, too few to draw {self.num_samples} items")

    def _draw(self, generator: Generator) -> Any:
        shares = self.weights / self.weights.sum()
        return generator.choice(len(shares), self.num_samples, self.replacement, shares).tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler):
    """Lists of batch_size numbers of another sampler; drop_last leaves out a last one that is shorter."""

    def __init__(self, sampler: Any, batch_size: int, drop_last: bool) -> None:
        self.sampler = check_sized("BatchSampler", "sampler", sampler)
        self.batch_size = check_integer("BatchSampler", "batch_size", batch_size, 1)
        self.drop_last = check_flag("BatchSampler", "drop_last", drop_last)

    def __iter__(self) -> Iterator[list[int]]:
        batch: list[int] = []
        for index in self.sampler:
            batch.append(index)
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch

    def __len__(self) -> int:
        items = len(self.sampler)
        return items // self.batch_size if self.drop_last else -(-items // self.batch_size)


def class_weights(labels: Any, classes: int | None = None) -> Array:
    """N / (C n_c) for each class c, float32 (C,): rare classes count as much in all as frequent ones.

        nn.CrossEntropyLoss(weight=class_weights(labels))        # in the loss,
        WeightedRandomSampler(class_weights(labels)[labels], N)  # or in how often a row is seen; not both

    labels (N,), n_c of them c; classes: C, by default as many as occur. A class without labels gets 0. Source: King,
    Zeng, "Logistic regression in rare events data", Political Analysis 9 (2001).
    """
    given = check_array("class_weights", "labels", labels.data if hasattr(labels, "requires_grad") else labels)
    if given.ndim != 1 or given.dtype.kind not in "iu" or (given.size and given.min() < 0):
        raise ValueError(
            f"class_weights: labels must be class numbers of shape (N,), not {given.dtype} of {given.shape}"
        )
    least = 0 if classes is None else check_integer("class_weights", "classes", classes, 1)
    counts = np.bincount(given.astype(np.int64), minlength=least)
    if least and len(counts) > least:
        raise ValueError(f"class_weights: there are {least} classes (0 to {least - 1}), but a label is {given.max()}")
    weights = np.where(counts > 0, len(given) / (len(counts) * np.maximum(counts, 1)), 0.0)
    return weights.astype(np.float32)
