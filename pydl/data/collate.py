"""Joining the items of a data set into one batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def collate(items: Sequence[Any]) -> Any:
    """Stack items of one structure along a new first axis.

    ==========================  =======================================================
    item                        batch
    ==========================  =======================================================
    ndarray or Tensor, (...)    ndarray (N, ...) of the item's dtype
    int, float, bool, scalar    ndarray (N,): int64, float32, bool, or the scalar's dtype
    str, bytes                  list of N
    tuple or list               tuple, each field collated
    dict                        dict, each value collated
    ==========================  =======================================================

    Python floats become float32, the dtype that parameters have; a float64 array stays float64.

    Raises ValueError where items differ in structure or shape, and TypeError for other objects.
    """
    if len(items) == 0:
        raise ValueError("collate: items is empty, needs at least one item to know the batch's structure")
    first = items[0]
    if isinstance(first, dict):
        for item in items:
            if not isinstance(item, dict) or item.keys() != first.keys():
                raise ValueError(f"collate: every item must be a dict with the keys {sorted(first, key=str)}")
        return {key: collate([item[key] for item in items]) for key in first}
    if isinstance(first, (tuple, list)):
        for item in items:
            if not isinstance(item, (tuple, list)) or len(item) != len(first):
                raise ValueError(f"collate: every item must be a tuple of {len(first)} fields like the first one")
        return tuple(collate([item[field] for item in items]) for field in range(len(first)))
    if isinstance(first, (str, bytes)):
        return list(items)
    return _stack([_as_array(item) for item in items])


def _as_array(item: Any) -> np.ndarray:
    if isinstance(item, (np.ndarray, np.generic)):
        return np.asarray(item)
    if isinstance(item, bool):
        return np.asarray(item)
    if isinstance(item, int):
        return np.asarray(item, np.int64)
    if isinstance(item, float):
        return np.asarray(item, np.float32)
    if hasattr(item, "numpy"):
        return np.asarray(item.numpy())
    raise TypeError(
        f"collate: an item is a {type(item).__name__}, needs an array, Tensor, number, str, tuple or dict "
        "(DataLoader's collate_fn can join anything else)"
    )


def _stack(arrays: list[np.ndarray]) -> np.ndarray:
    shape = arrays[0].shape
    for array in arrays:
        if array.shape != shape:
            raise ValueError(f"collate: items have the shapes {shape} and {array.shape}, needs one shape to stack them")
    return np.stack(arrays)
