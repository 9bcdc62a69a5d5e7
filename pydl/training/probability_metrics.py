"""Figures that say how good probabilities and rankings are, not only decisions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Array, check_integer
from .metrics import metric_array


def log_loss(outputs: Any, targets: Any) -> float:
    """The mean of -log p(target): cross-entropy in nats.

    outputs (N, C): scores, p = softmax; or (N,): the score of class 1 against class 0, p = sigmoid. targets (N,) of
    class numbers.
    """
    scores, labels = _checked("log_loss", outputs, targets)
    if scores.ndim == 1:
        scores = np.stack([np.zeros_like(scores), scores], axis=1)
    if not len(labels):
        return float("nan")
    highest = scores.max(axis=1)
    logs = np.log(np.exp(scores - highest[:, None]).sum(axis=1)) + highest
    return float((logs - scores[np.arange(len(labels)), labels]).mean())


def roc_auc(outputs: Any, targets: Any) -> float:
    """The chance that a row of class 1 has a higher score than a row of class 0 (half of it where they are equal).

    outputs (N,): scores or probabilities of class 1; or (N, 2), of which the second less the first counts. targets (N,)
    of 0 and 1. NaN where only one class occurs. Source: Hanley, McNeil, "The meaning and use of the area under a
    receiver operating characteristic (ROC) curve", Radiology 143 (1982).
    """
    scores, labels = _checked("roc_auc", outputs, targets, classes=2)
    if scores.ndim == 2:
        scores = scores[:, 1] - scores[:, 0]
    positive = labels == 1
    wins, losses = int(positive.sum()), int((~positive).sum())
    if not wins or not losses:
        return float("nan")
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]  # equal scores share the mean of their ranks
    return float((ranks[positive].sum() - wins * (wins + 1) / 2) / (wins * losses))


def top_k_accuracy(outputs: Any, targets: Any, k: int = 5) -> float:
    """The share of rows whose target is among the k largest outputs. outputs (N, C), targets (N,) of class numbers."""
    scores, labels = _checked("top_k_accuracy", outputs, targets)
    k = check_integer("top_k_accuracy", "k", k, 1)
    if scores.ndim != 2:
        raise ValueError(f"top_k_accuracy: outputs must be (N, C), but have shape {scores.shape}")
    if not len(labels):
        return float("nan")
    above = (scores > scores[np.arange(len(labels)), labels][:, None]).sum(axis=1)
    return float((above < k).mean())


def precision_recall_f1(outputs: Any, targets: Any) -> tuple[float, float, float]:
    """Precision, recall and F1, each the mean over the classes (of two classes: of class 1 alone).

        precision = right among those taken for the class,  recall = found among those of the class,
        F1 = 2 precision recall / (precision + recall);  0 where nothing is there to count

    outputs (N, C) scores, or (N,): the score of class 1, above 0 taken for it. targets (N,) of class numbers.
    """
    scores, labels = _checked("precision_recall_f1", outputs, targets)
    taken = (scores > 0).astype(np.int64) if scores.ndim == 1 else scores.argmax(axis=1)
    classes = 2 if scores.ndim == 1 else scores.shape[1]
    figures = []
    for each in range(classes) if classes > 2 else [1]:
        right = int(((taken == each) & (labels == each)).sum())
        precision = right / max(int((taken == each).sum()), 1)
        recall = right / max(int((labels == each).sum()), 1)
        figures.append((precision, recall, 2 * precision * recall / (precision + recall) if right else 0.0))
    precision, recall, f1 = np.mean(figures, axis=0).tolist()
    return precision, recall, f1


def precision(outputs: Any, targets: Any) -> float:
    """The first figure of precision_recall_f1."""
    return precision_recall_f1(outputs, targets)[0]


def recall(outputs: Any, targets: Any) -> float:
    """The second figure of precision_recall_f1."""
    return precision_recall_f1(outputs, targets)[1]


def f1(outputs: Any, targets: Any) -> float:
    """The third figure of precision_recall_f1."""
    return precision_recall_f1(outputs, targets)[2]


def _checked(metric: str, outputs: Any, targets: Any, classes: int | None = None) -> tuple[Array, Array]:
    scores, labels = metric_array(metric, "outputs", outputs), metric_array(metric, "targets", targets)
    if scores.ndim not in (1, 2) or labels.shape != scores.shape[:1]:
        raise ValueError(
            f"{metric}: outputs must be (N, C) or (N,) and targets (N,), but they have shapes {scores.shape} and "
            f"{labels.shape}"
        )
    if scores.ndim == 2 and classes is not None and scores.shape[1] != classes:
        raise ValueError(f"{metric}: outputs must be (N,) or (N, {classes}), but have shape {scores.shape}")
    if labels.dtype.kind not in "iub":
        raise TypeError(f"{metric}: targets must be class numbers, but are {labels.dtype}")
    labels = labels.astype(np.int64)
    most = 2 if scores.ndim == 1 else scores.shape[1]
    if len(labels) and not (labels.min() >= 0 and labels.max() < most):
        raise ValueError(f"{metric}: there are {most} classes (0 to {most - 1}), but a target lies outside")
    return scores.astype(np.float64), labels
