"""Data sets: collections with a length whose items are reached by number."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arguments import check_list, check_range, from_numbers, show
from ..random import generator as global_generator
from .collate import collate
from .samplers import check_generator

if TYPE_CHECKING:
    from numpy.random import Generator


class Dataset(ABC):
    """The interface of a data set: ``len(dataset)`` and ``dataset[i]``.

    A subclass may add ``gather(indices)``, which returns the whole batch of an index array at once; where it is
    missing, a batch is collated from single items.
    """

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: Any) -> Any: ...


def check_dataset(user: str, dataset: Any) -> None:
    """Refuses what has no length or no items."""
    for method in ("__len__", "__getitem__"):
        if not hasattr(dataset, method) or (isinstance(dataset, np.ndarray) and dataset.ndim == 0):
            raise TypeError(f"{user}: dataset is a {type(dataset).__name__} without {method}")


def gather(dataset: Any, indices: np.ndarray) -> Any:
    """The batch of ``dataset``'s items at ``indices`` (1-d int64): one step, or item by item."""
    method = getattr(dataset, "gather", None)
    if method is not None:
        return method(indices)
    return collate([dataset[int(i)] for i in indices])


class ConcatDataset(Dataset):
    """Several data sets as one: the items of the first, then those of the second, and so on."""

    def __init__(self, datasets: Any) -> None:
        self.datasets = check_list("ConcatDataset", "datasets", datasets, "a list of data sets")
        if not self.datasets:
            raise ValueError("ConcatDataset: datasets is empty, needs at least one")
        for each in self.datasets:
            check_dataset("ConcatDataset", each)
        self.cumulative_sizes = np.cumsum([len(each) for each in self.datasets]).tolist()

    def __len__(self) -> int:
        return int(self.cumulative_sizes[-1])

    def __getitem__(self, index: Any) -> Any:
        try:
            place = index.__index__()
        except (AttributeError, TypeError):
            raise TypeError(f"ConcatDataset: index must be an integer, not {show(index)}") from None
        if not -len(self) <= place < len(self):
            raise IndexError(f"ConcatDataset: index {place} does not exist in a data set of {len(self)} items")
        place += len(self) if place < 0 else 0
        part = int(np.searchsorted(self.cumulative_sizes, place, "right"))
        return self.datasets[part][place - (self.cumulative_sizes[part - 1] if part else 0)]


class TensorDataset(Dataset):
    """Arrays that share their first dimension: ``dataset[i] = (arrays[0][i], arrays[1][i], ...)``.

    ``arrays`` are ndarrays or Tensors of shapes (N, ...); they are kept, not copied. ``i`` is an integer, a slice or an
    index array (integers or a mask of N booleans), and each gives a tuple with one entry per array. Lists of Python
    numbers become float32 and int64.

    Raises ValueError where first dimensions differ or an array has none.
    """

    def __init__(self, *arrays: Any) -> None:
        if not arrays:
            raise ValueError("TensorDataset: got no arrays, needs at least one")
        self.arrays = tuple(
            from_numbers("TensorDataset", f"array {position}", a)
            if isinstance(a, list | tuple)
            else np.asarray(a.numpy() if hasattr(a, "numpy") else a)
            for position, a in enumerate(arrays)
        )
        for position, array in enumerate(self.arrays):
            if array.ndim == 0:
                raise ValueError(f"TensorDataset: array {position} has no dimensions, needs shape (N, ...)")
            if len(array) != len(self.arrays[0]):
                raise ValueError(
                    f"TensorDataset: array {position} has {len(array)} items but array 0 has {len(self.arrays[0])} "
                    f"(shapes {array.shape} and {self.arrays[0].shape})"
                )

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        try:
            return tuple(array[index] for array in self.arrays)
        except IndexError:
            if isinstance(index, int | np.integer):
                message = f"index {index} does not exist in a data set of {len(self)} items"
            else:
                message = f"{show(index)} is no index into a data set of {len(self)} items"
            raise IndexError(f"TensorDataset: {message}") from None

    def gather(self, indices: np.ndarray) -> Any:
        """A contiguous copy of the items at ``indices``, one index operation per array."""
        if type(self).__getitem__ is not TensorDataset.__getitem__:
            # A subclass that changes what an item is has to be asked for its items.
            return collate([self[int(i)] for i in indices])
        return tuple(np.ascontiguousarray(array[indices]) for array in self.arrays)

    def __repr__(self) -> str:
        return f"TensorDataset({', '.join(f'{a.dtype}{a.shape}' for a in self.arrays)})"


class NestedDataset(Dataset):
    """Arrays in tuples and dicts, of any depth, that share their first dimension; an item has the same structure.

        NestedDataset(({"image": images, "radar": grids}, labels))[3]    # ({"image": images[3], ...}, labels[3])

    Otherwise as TensorDataset.
    """

    def __init__(self, arrays: Any) -> None:
        if not isinstance(arrays, tuple | dict) or not arrays:
            raise TypeError(f"NestedDataset: arrays must be a tuple or a dict of arrays, not {type(arrays).__name__}")
        self.arrays = nested(lambda each: np.asarray(each.numpy() if hasattr(each, "numpy") else each), arrays)
        shapes: list[tuple[int, ...]] = []
        nested(lambda array: shapes.append(array.shape), self.arrays)
        if () in shapes or len({shape[0] for shape in shapes}) != 1:
            told = ", ".join(map(str, shapes))
            raise ValueError(f"NestedDataset: the arrays have shapes {told}, needs (N, ...) with one N")
        self._items = shapes[0][0]

    def __len__(self) -> int:
        return self._items

    def __getitem__(self, index: Any) -> Any:
        try:
            return nested(lambda array: array[index], self.arrays)
        except IndexError:
            raise IndexError(f"NestedDataset: {show(index)} is no index into a data set of {len(self)} items") from None

    def gather(self, indices: np.ndarray) -> Any:
        """A contiguous copy of the items at ``indices``."""
        return nested(lambda array: np.ascontiguousarray(array[indices]), self.arrays)


def nested(function: Callable[[Any], Any], value: Any) -> Any:
    """``function`` of everything in tuples and dicts, in the same structure."""
    if isinstance(value, dict):
        return {key: nested(function, each) for key, each in value.items()}
    if isinstance(value, tuple):
        return tuple(nested(function, each) for each in value)
    return function(value)


class Subset(Dataset):
    """The items of ``dataset`` at ``indices``, in that order: ``subset[i] = dataset[indices[i]]``.

    ``i`` may also be a slice or an index array, which give the batch of those items.

    Raises ValueError where an index does not exist in ``dataset``.
    """

    def __init__(self, dataset: Any, indices: Sequence[int] | np.ndarray) -> None:
        check_dataset("Subset", dataset)
        try:
            indices = np.asarray(indices)
        except ValueError:
            raise ValueError(f"Subset: indices are {show(indices)}, needs integers of shape (N,)") from None
        if indices.size == 0:
            indices = indices.astype(np.int64)
        if indices.ndim != 1 or indices.dtype.kind not in "iu":
            raise ValueError(
                f"Subset: indices are {indices.dtype} of shape {indices.shape}, needs integers of shape (N,)"
            )
        size = len(dataset)
        outside = indices[(indices < -size) | (indices >= size)]
        if outside.size:
            raise ValueError(f"Subset: index {outside[0]} does not exist in a data set of {size} items")
        self.dataset = dataset
        self.indices = indices.astype(np.int64)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: Any) -> Any:
        chosen = self.indices[index]
        return self.dataset[int(chosen)] if chosen.ndim == 0 else gather(self.dataset, chosen)

    def gather(self, indices: np.ndarray) -> Any:
        """The batch at ``indices``, in one step where the data set below can do so."""
        return gather(self.dataset, self.indices[indices])


def random_split(dataset: Any, lengths: Sequence[int | float], generator: Generator | None = None) -> list[Subset]:
    """Cut a shuffled ``dataset`` into disjoint parts that together hold every item once.

    ``lengths`` are the parts' sizes, which must add up to ``len(dataset)``, or fractions that add up to 1: part k then
    gets floor(fraction_k * N) items, and the items left over go to the parts in turn, first part first.
    ``generator`` draws the permutation; None means the library's own (``pydl.manual_seed``).

    Source: the semantics of torch.utils.data.random_split.
    """
    check_dataset("random_split", dataset)
    parts = check_list("random_split", "lengths", lengths, "numbers, one for each part")
    sizes = _sizes([_length(length) for length in parts], len(dataset))
    check_generator("random_split", generator)
    order = (global_generator() if generator is None else generator).permutation(len(dataset))
    ends = np.cumsum(sizes, dtype=np.int64)
    return [Subset(dataset, order[end - size : end]) for size, end in zip(sizes, ends, strict=True)]


def _length(length: Any) -> Any:
    check_range("random_split", "each of lengths", length, 0)
    return length


def _sizes(lengths: list[Any], total: int) -> list[int]:
    if all(isinstance(length, (int, np.integer)) for length in lengths) and sum(lengths) == total:
        return [int(length) for length in lengths]
    if not math.isclose(sum(lengths), 1):
        raise ValueError(
            f"random_split: lengths {show(lengths)} add up to {sum(lengths)}, "
            f"needs {total} items or fractions that add up to 1"
        )
    sizes = [math.floor(fraction * total) for fraction in lengths]
    for k in range(total - sum(sizes)):
        sizes[k % len(sizes)] += 1
    return sizes
