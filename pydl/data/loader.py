"""The loader: one pass over a data set in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arguments import check_flag
from ..random import generator as global_generator
from .dataset import check_dataset, check_generator, gather

if TYPE_CHECKING:
    from numpy.random import Generator


class DataLoader:
    """Iterate over ``dataset`` in batches of ``batch_size`` items; every ``iter()`` is one epoch.

    A batch has the structure of an item, with arrays of shape (N, ...) that are contiguous copies: a tuple of ndarrays
    for a TensorDataset (gathered with one index operation per array), and whatever :func:`pydl.data.collate` or
    ``collate_fn(items)`` makes of the items of any other data set (anything with ``len()`` and ``[i]``).

    * ``shuffle``: visit the items in a new random order each epoch; else in their own order.
    * ``drop_last``: leave out the last batch if it is smaller than the others.
    * ``transform(images, generator)``: applied to the inputs of each batch, that is to the first array of a tuple or
      to a batch that is one array.
    * ``generator``: the only source of randomness of shuffling and transforms; None means the library's own
      (``pydl.manual_seed``). With the generator's state at the beginning of an epoch, that epoch can be repeated
      exactly.

    There are no worker processes: gathering a batch from arrays in memory costs microseconds.

    Raises ValueError for a batch size below 1 and where ``drop_last`` would leave no batch at all.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        transform: Callable[[np.ndarray, Generator], np.ndarray] | None = None,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        generator: Generator | None = None,
    ) -> None:
        check_dataset("DataLoader", dataset)
        shuffle, drop_last = (
            check_flag("DataLoader", *each) for each in (("shuffle", shuffle), ("drop_last", drop_last))
        )
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)):
            raise TypeError(f"DataLoader: batch_size is a {type(batch_size).__name__}, needs an int")
        if batch_size < 1:
            raise ValueError(f"DataLoader: batch_size is {batch_size}, needs at least 1")
        if drop_last and len(dataset) < batch_size:
            raise ValueError(
                f"DataLoader: drop_last=True leaves no batch, dataset has {len(dataset)} items "
                f"and a batch needs {batch_size}"
            )
        for name, function in (("transform", transform), ("collate_fn", collate_fn)):
            if function is not None and not callable(function):
                raise TypeError(f"DataLoader: {name} is a {type(function).__name__}, needs a function")
        check_generator("DataLoader", generator)
        self.dataset = dataset
        self.batch_size = int(batch_size)
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.transform = transform
        self.collate_fn = collate_fn
        self.generator = generator

    def __len__(self) -> int:
        """The number of batches: floor(items / batch_size) with ``drop_last``, else its ceiling."""
        items = len(self.dataset)
        return items // self.batch_size if self.drop_last else -(-items // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        generator = global_generator() if self.generator is None else self.generator
        items = len(self.dataset)
        order = generator.permutation(items) if self.shuffle else np.arange(items)
        for batch in range(len(self)):
            chosen = self._gather(order[batch * self.batch_size : (batch + 1) * self.batch_size])
            yield chosen if self.transform is None else self._transformed(chosen, generator)

    def _gather(self, indices: np.ndarray) -> Any:
        if self.collate_fn is None:
            return gather(self.dataset, indices)
        return self.collate_fn([self.dataset[int(i)] for i in indices])

    def _transformed(self, batch: Any, generator: Generator) -> Any:
        assert self.transform is not None
        if isinstance(batch, np.ndarray):
            return np.ascontiguousarray(self.transform(batch, generator))
        if isinstance(batch, tuple) and batch and isinstance(batch[0], np.ndarray):
            return (np.ascontiguousarray(self.transform(batch[0], generator)), *batch[1:])
        raise TypeError(
            f"DataLoader: transform needs batches that are an array or a tuple that begins with one, "
            f"but the batch is a {type(batch).__name__} (collate_fn can do the transform's work)"
        )
