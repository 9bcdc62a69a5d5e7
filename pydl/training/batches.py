"""Batches: what fit(), evaluate() and predict() take, and which part of a batch goes where.

    (inputs, targets)                         model(inputs), loss(outputs, targets)
    (image, radar, targets)                   model(image, radar): the last part is the targets
    ((image, radar), targets)                 the same
    ({"image": image, "radar": radar}, targets)           model(image=image, radar=radar)
    {"image": image, "radar": radar, "targets": targets}  the same

Targets, and the model's outputs, may be tuples and dicts as well: the loss gets them as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..arguments import check_array, check_integer
from ..data import DataLoader, NestedDataset, TensorDataset
from ..data.dataset import nested
from ..tensor import Tensor

TARGETS = "targets"  # the name of the targets in a batch that is a dict


def as_loader(method: str, data: Any, batch_size: int, shuffle: bool) -> Any:
    """A DataLoader of what fit() and evaluate() take."""
    if isinstance(data, DataLoader) or (isinstance(data, Iterable) and not hasattr(data, "__getitem__")):
        return data
    if (isinstance(data, dict) and TARGETS in data) or (isinstance(data, tuple) and any(map(are_several, data))):
        data = NestedDataset(data)
    elif isinstance(data, tuple | list) and data:
        data = TensorDataset(*data)
    if isinstance(data, str | dict | tuple | list | np.ndarray | Tensor) or not hasattr(data, "__getitem__"):
        needs = "(inputs, targets), a Dataset of such pairs or a DataLoader"
        raise TypeError(f"{method}: data must be {needs}, not {type(data).__name__}")
    return DataLoader(data, batch_size=batch_size, shuffle=shuffle)


def generators_of(loader: Any) -> list[Any]:
    """The loader's own source of random numbers, if it has one."""
    own = getattr(loader, "generator", None)
    return [] if own is None else [own]


def are_several(part: Any) -> bool:
    """Whether a part of the data is several arrays, by name or by place, and not one."""
    return isinstance(part, dict) or (
        isinstance(part, tuple) and any(isinstance(each, np.ndarray | Tensor | dict | tuple) for each in part)
    )


def split(method: str, batch: Any) -> tuple[Any, Any]:
    """(inputs, targets) of a batch; inputs are a tuple, or a dict of what the model gets by name."""
    if isinstance(batch, dict) and TARGETS in batch and len(batch) > 1:
        return {name: each for name, each in batch.items() if name != TARGETS}, batch[TARGETS]
    if not isinstance(batch, tuple | list) or len(batch) < 2:
        raise ValueError(
            f"{method}: a batch must be (inputs, targets) or a dict with {TARGETS!r}, not {type(batch).__name__}"
        )
    return as_inputs(tuple(batch[:-1])), batch[-1]


def as_inputs(parts: Any) -> Any:
    """What the model gets: a tuple by place or a dict by name."""
    if isinstance(parts, tuple) and len(parts) == 1 and isinstance(parts[0], tuple | dict):
        return parts[0]
    return parts if isinstance(parts, tuple | dict) else (parts,)


def apply(model: Any, inputs: Any) -> Any:
    """The model's outputs."""
    return model(**inputs) if isinstance(inputs, dict) else model(*inputs)


def inputs_to_predict(data: Any, batch_size: int) -> Iterator[Any]:
    """What predict() gives the model, batch by batch."""
    size = check_integer("predict", "batch_size", batch_size, 1)
    arrays = isinstance(data, str | bytes | list | tuple | dict) or hasattr(data, "__array__")
    if isinstance(data, DataLoader) or (not arrays and hasattr(data, "__getitem__") and hasattr(data, "__len__")):
        for batch in as_loader("predict", data, size, shuffle=False):
            paired = TARGETS in batch if isinstance(batch, dict) else isinstance(batch, tuple | list) and len(batch) > 1
            yield split("predict", batch)[0] if paired else as_inputs(batch)
        return
    inputs = nested(
        lambda each: check_array("predict", "inputs", each.data if isinstance(each, Tensor) else each),
        as_inputs(data if are_several(data) else (data,)),
    )
    shapes: list[tuple[int, ...]] = []
    nested(lambda array: shapes.append(array.shape), inputs)
    if () in shapes:
        raise ValueError("predict: inputs must have a first dimension, (N, ...), but are one number")
    if len({shape[0] for shape in shapes}) != 1:
        raise ValueError(f"predict: inputs have shapes {', '.join(map(str, shapes))}, needs (N, ...) with one N")
    for start in range(0, max(shapes[0][0], 1), size):
        rows = slice(start, start + size)
        yield nested(lambda array, rows=rows: array[rows], inputs)  # type: ignore[misc]


def count_rows(part: Any) -> int:
    """How many rows a batch has, by its targets."""
    while isinstance(part, dict | tuple):
        part = next(iter(part.values() if isinstance(part, dict) else part))
    return len(part)


def grouped(loader: Any, count: int) -> Iterator[list[Any]]:
    """Batches in lists of `count`, the last one shorter where they do not add up."""
    group: list[Any] = []
    for batch in loader:
        group.append(batch)
        if len(group) == count:
            yield group
            group = []
    if group:
        yield group


def as_arrays(outputs: Any) -> Any:
    """Outputs or targets as arrays, in the same structure."""
    if isinstance(outputs, list) and any(isinstance(each, Tensor) for each in outputs):
        outputs = tuple(outputs)
    return nested(lambda each: each.data if isinstance(each, Tensor) else np.asarray(each), outputs)


def join(parts: list[Any]) -> Any:
    """The arrays of several batches, in the same structure, one behind another."""
    first = parts[0]
    if isinstance(first, dict):
        return {key: join([part[key] for part in parts]) for key in first}
    if isinstance(first, tuple):
        return tuple(join([part[i] for part in parts]) for i in range(len(first)))
    return np.concatenate(parts)
