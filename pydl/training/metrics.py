"""Figures that say how good predictions are."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Array, check_array, check_integer
from ..tensor import Tensor


def accuracy(outputs: Any, targets: Any) -> float:
    """The share of rows whose largest output is at the target's place.

    outputs (N, C), targets (N,) of class numbers.
    """
    predicted, labels = (metric_array("accuracy", *each) for each in (("outputs", outputs), ("targets", targets)))
    if predicted.ndim != 2 or labels.shape != predicted.shape[:1]:
        raise ValueError(
            "accuracy: outputs must be (N, C) and targets (N,), "
            f"but they have shapes {predicted.shape} and {labels.shape}"
        )
    return float(np.mean(predicted.argmax(1) == labels)) if len(labels) else float("nan")


def metric_array(metric: str, name: str, value: Any) -> Array:
    """What a metric was given, as an array."""
    return check_array(metric, name, value.data if isinstance(value, Tensor) else value)


def confusion_matrix(targets: Any, predicted: Any, classes: int) -> Array:
    """counts[i, j]: how many items of class i were taken for class j. Both arguments (N,) of class numbers."""
    classes = check_integer("confusion_matrix", "classes", classes, 1)
    rows, columns = (
        metric_array("confusion_matrix", *each) for each in (("targets", targets), ("predicted", predicted))
    )
    if rows.shape != columns.shape or rows.ndim != 1:
        raise ValueError(
            f"confusion_matrix: targets have shape {rows.shape} but predicted {columns.shape}; both need (N,)"
        )
    if rows.dtype.kind not in "iu" or columns.dtype.kind not in "iu":
        raise TypeError(f"confusion_matrix: class numbers are integers, but these are {rows.dtype} and {columns.dtype}")
    if len(rows) and (min(rows.min(), columns.min()) < 0 or max(rows.max(), columns.max()) >= classes):
        raise ValueError(
            f"confusion_matrix: there are {classes} classes (0 to {classes - 1}), but a number lies outside"
        )
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (rows, columns), 1)
    return counts
