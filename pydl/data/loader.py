"""The loader: one pass over a data set in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arguments import check_flag, check_list, show
from ..random import generator as global_generator
from .dataset import check_dataset, gather
from .samplers import check_generator, check_sized

if TYPE_CHECKING:
    from numpy.random import Generator


class DataLoader:
    """Iterate over ``dataset`` in batches of ``batch_size`` items; every ``iter()`` is one epoch.

    A batch has the structure of an item, with arrays of shape (N, ...) that are contiguous copies: a tuple of ndarrays
    for a TensorDataset (gathered with one index operation per array), and whatever :func:`pydl.data.collate` or
    ``collate_fn(items)`` makes of the items of any other data set (anything with ``len()`` and ``[i]``).

    * ``shuffle``: visit the items in a new random order each epoch; else in their own order.
    * ``sampler``: gives the numbers of the items to visit instead, in this order (see samplers.py).
    * ``batch_sampler``: gives a list of numbers for each batch instead; batch_size, shuffle and drop_last do not count.
    * ``drop_last``: leave out the last batch if it is smaller than the others.
    * ``transform(images, generator)``: applied to the inputs of each batch, that is to the first array of a tuple or
      to a batch that is one array; MixUp, which changes labels too, to all arrays.
    * ``generator``: the only source of randomness of shuffling and transforms; None means the library's own
      (``pydl.manual_seed``). With the generator's state at the beginning of an epoch, that epoch can be repeated
      exactly.

    There are no worker processes: gathering a batch from arrays in memory costs microseconds.

    Raises ValueError for a batch size below 1, for two orders at once, and where ``drop_last`` would leave no batch.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        sampler: Any = None,
        batch_sampler: Any = None,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        drop_last: bool = False,
        generator: Generator | None = None,
        transform: Callable[..., Any] | None = None,
    ) -> None:
        check_dataset("DataLoader", dataset)
        shuffle, drop_last = (
            check_flag("DataLoader", *each) for each in (("shuffle", shuffle), ("drop_last", drop_last))
        )
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)):
            raise TypeError(f"DataLoader: batch_size is a {type(batch_size).__name__}, needs an int")
        if batch_size < 1:
            raise ValueError(f"DataLoader: batch_size is {batch_size}, needs at least 1")
        for name, order in (("sampler", sampler), ("batch_sampler", batch_sampler)):
            if order is not None:
                check_sized("DataLoader", name, order)
        if (sampler is not None) + (batch_sampler is not None) + shuffle > 1:
            raise ValueError("DataLoader: shuffle, sampler and batch_sampler are three orders, needs one of them")
        items = len(dataset if sampler is None else sampler)
        if drop_last and batch_sampler is None and items < batch_size:
            raise ValueError(
                f"DataLoader: drop_last=True leaves no batch, dataset has {items} items and a batch needs {batch_size}"
            )
        for name, function in (("transform", transform), ("collate_fn", collate_fn)):
            if function is not None and not callable(function):
                raise TypeError(f"DataLoader: {name} is a {type(function).__name__}, needs a function")
        check_generator("DataLoader", generator)
        self.dataset = dataset
        self.batch_size = int(batch_size)
        self.shuffle = shuffle
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.drop_last = drop_last
        self.transform = transform
        self.collate_fn = collate_fn
        self.generator = generator

    def __len__(self) -> int:
        """The number of batches: floor(items / batch_size) with ``drop_last``, else its ceiling."""
        if self.batch_sampler is not None:
            return len(self.batch_sampler)
        items = len(self.dataset if self.sampler is None else self.sampler)
        return items // self.batch_size if self.drop_last else -(-items // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        generator = global_generator() if self.generator is None else self.generator
        for indices in self._indices(generator):
            chosen = self._gather(indices)
            yield chosen if self.transform is None else self._transformed(chosen, generator)

    def in_order(self) -> DataLoader:
        """A loader of the same batches of all items in their own order, which draws nothing from the generator."""
        return DataLoader(
            self.dataset,
            self.batch_size,
            collate_fn=self.collate_fn,
            generator=np.random.default_rng(0),
            transform=self.transform,
        )

    def _indices(self, generator: Generator) -> Iterator[np.ndarray]:
        if self.batch_sampler is not None:
            for batch in self.batch_sampler:
                yield self._checked("batch_sampler", batch)
        elif self.sampler is not None:
            order = iter(self.sampler)
            for _ in range(len(self)):
                yield self._checked("sampler", islice(order, self.batch_size))
        else:
            items = len(self.dataset)
            every = generator.permutation(items) if self.shuffle else np.arange(items)
            for batch in range(len(self)):
                yield every[batch * self.batch_size : (batch + 1) * self.batch_size]

    def _checked(self, name: str, numbers: Any) -> np.ndarray:
        indices = np.asarray(check_list("DataLoader", name, numbers, "lists of numbers of items"))
        size = len(self.dataset)
        if indices.ndim != 1 or indices.dtype.kind not in "iu" or not ((indices >= -size) & (indices < size)).all():
            raise ValueError(f"DataLoader: {name} gave {show(indices)}, needs numbers of the data set's {size} items")
        return indices

    def _gather(self, indices: np.ndarray) -> Any:
        if self.collate_fn is None:
            return gather(self.dataset, indices)
        return self.collate_fn([self.dataset[int(i)] for i in indices])

    def _transformed(self, batch: Any, generator: Generator) -> Any:
        assert self.transform is not None
        if isinstance(batch, np.ndarray):
            return np.ascontiguousarray(self.transform(batch, generator))
        if isinstance(batch, tuple) and batch and isinstance(batch[0], np.ndarray):
            if getattr(self.transform, "takes_labels", False):
                whole: Any = self.transform
                return whole(*batch, generator)
            return (np.ascontiguousarray(self.transform(batch[0], generator)), *batch[1:])
        raise TypeError(
            f"DataLoader: transform needs batches that are an array or a tuple that begins with one, "
            f"but the batch is a {type(batch).__name__} (collate_fn can do the transform's work)"
        )
