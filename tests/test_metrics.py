"""Figures that judge predictions: worked by hand, and those of scikit-learn where it is installed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pydl.training import (
    f1,
    log_loss,
    mean_absolute_error,
    precision,
    precision_recall_f1,
    r2_score,
    recall,
    roc_auc,
    top_k_accuracy,
)


def test_worked_by_hand():
    assert mean_absolute_error([1, 2, 4], [1, 3, 2]) == 1
    assert r2_score([1.0, 2, 3], [1.0, 2, 6]) == pytest.approx(1 - 9 / 14)
    assert r2_score([2.0, 2], [2.0, 2]) == 1
    assert log_loss([0.0, 0.0], [0, 1]) == pytest.approx(math.log(2))
    assert roc_auc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]) == 0.75
    assert roc_auc([1.0, 1, 1], [0, 1, 1]) == 0.5
    assert top_k_accuracy([[3, 2, 1], [3, 2, 1]], [1, 2], k=2) == 0.5
    # Taken for class 1: rows 0, 1, 2, of which two are right; of class 1: rows 0, 1, 3.
    scores, labels = [2.0, 1, 3, -1, -2], [1, 1, 0, 1, 0]
    assert precision(scores, labels) == recall(scores, labels) == f1(scores, labels) == pytest.approx(2 / 3)
    assert math.isnan(roc_auc([1.0, 2.0], [1, 1]))
    assert math.isnan(r2_score([], []))


@pytest.mark.parametrize("classes", [2, 4])
def test_as_scikit_learn_has_them(classes):
    theirs = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    random = np.random.default_rng(classes)
    digits = 1 if classes == 2 else 9  # roc_auc is clear about equal scores, order is not
    scores, labels = random.normal(size=(60, classes)).round(digits), random.integers(0, classes, 60)
    shares = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    assert log_loss(scores, labels) == pytest.approx(theirs.log_loss(labels, shares))
    average = "binary" if classes == 2 else "macro"
    expected = theirs.precision_recall_fscore_support(labels, scores.argmax(1), average=average)[:3]
    assert precision_recall_f1(scores, labels) == pytest.approx(expected)
    if classes == 2:
        one = scores[:, 1] - scores[:, 0]
        assert roc_auc(scores, labels) == pytest.approx(theirs.roc_auc_score(labels, one))
        assert roc_auc(one, labels) == roc_auc(scores, labels)
    else:
        assert top_k_accuracy(scores, labels, 2) == pytest.approx(theirs.top_k_accuracy_score(labels, scores, k=2))
    values = random.normal(size=(60, 3))
    assert r2_score(scores[:, :1] + values, values) == pytest.approx(theirs.r2_score(values, scores[:, :1] + values))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: r2_score([1, 2], [[1], [2]]), ValueError, "r2_score: outputs have shape"),
        (lambda: log_loss([[1, 2]], [2]), ValueError, "there are 2 classes"),
        (lambda: log_loss([[1, 2]], [0.5]), TypeError, "targets must be class numbers"),
        (lambda: roc_auc([[1, 2, 3]], [1]), ValueError, "outputs must be"),
        (lambda: top_k_accuracy([1.0], [0]), ValueError, "outputs must be"),
        (lambda: precision([[[1]]], [0]), ValueError, "outputs must be"),
    ],
)
def test_wrong_calls(call, error, message):
    with pytest.raises(error, match=message):
        call()
