"""NestedDataset: several inputs or targets, by name or by place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arguments import show
from .dataset import Dataset


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
