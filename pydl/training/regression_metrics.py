"""Figures that say how far predicted numbers are off."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Array
from .metrics import metric_array


def mean_absolute_error(outputs: Any, targets: Any) -> float:
    """mean |output - target|; both of one shape."""
    predicted, actual = _alike("mean_absolute_error", outputs, targets)
    return float(np.abs(predicted - actual).mean()) if len(actual) else float("nan")


def r2_score(outputs: Any, targets: Any) -> float:
    """1 - sum (output - target)^2 / sum (target - mean)^2: the share of the targets' variance that is explained.

    1 is perfect, 0 what their mean would achieve. Both (N), or (N, K) for the mean over K targets; targets that do not
    vary count 1 if they are hit and 0 if not.
    """
    predicted, actual = _alike("r2_score", outputs, targets)
    if len(actual) == 0:
        return float("nan")
    left = ((predicted - actual) ** 2).sum(0)
    whole = ((actual - actual.mean(0)) ** 2).sum(0)
    score = np.where(whole > 0, 1 - left / np.where(whole > 0, whole, 1), np.where(left > 0, 0.0, 1.0))
    return float(score.mean())


def _alike(metric: str, outputs: Any, targets: Any) -> tuple[Array, Array]:
    predicted, actual = metric_array(metric, "outputs", outputs), metric_array(metric, "targets", targets)
    if predicted.shape != actual.shape or predicted.ndim == 0:
        raise ValueError(
            f"{metric}: outputs have shape {predicted.shape} but targets {actual.shape}; both need the same, (N,) say"
        )
    return predicted.astype(np.float64), actual.astype(np.float64)
