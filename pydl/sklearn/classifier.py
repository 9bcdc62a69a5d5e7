"""NeuralClassifier: a network with softmax and cross-entropy as a scikit-learn classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets

from ..arguments import Array
from ..nn.functional import cross_entropy
from ..tensor import Tensor
from .estimator import NeuralEstimator


class NeuralClassifier(ClassifierMixin, NeuralEstimator):  # type: ignore[misc]
    """A classifier: softmax of a network's outputs, trained by cross-entropy.

        loss = sum over rows of  weight -log softmax(network(x))[class]  /  sum of weights

    class_weight   None, "balanced" (inversely to how often a class occurs) or {class: weight}
    Further options: see NeuralEstimator. A module of one's own gives a score for each class, without softmax.

    Attributes: classes_ (of any type), module_ the network, optimizer_, n_iter_ passes, loss_curve_ the loss of each
    pass and loss_ the last one.
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        module: Any = None,
        dropout: float = 0.0,
        solver: str = "adam",
        alpha: float = 1e-4,
        batch_size: Any = "auto",
        learning_rate_init: float = 1e-3,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        class_weight: Any = None,
    ) -> None:
        super().__init__(
            hidden_layer_sizes, activation, module=module, dropout=dropout, solver=solver, alpha=alpha,
            batch_size=batch_size, learning_rate_init=learning_rate_init, max_iter=max_iter, shuffle=shuffle,
            random_state=random_state, tol=tol, verbose=verbose, warm_start=warm_start, early_stopping=early_stopping,
            validation_fraction=validation_fraction, n_iter_no_change=n_iter_no_change,
        )  # fmt: skip
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> NeuralClassifier:
        """Trains on X (N, features) and classes y (N); sample_weight (N), or all rows alike."""
        self._check_options()
        fresh = not (self.warm_start and hasattr(self, "module_"))
        X, y = self._validated(X, y, reset=fresh)
        check_classification_targets(y)
        if fresh:
            self.classes_ = np.unique(y)
        return self._learn(X, y, sample_weight, fresh, self.max_iter)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> NeuralClassifier:
        """One pass over X and y, from where the last call left off. The first call needs all classes."""
        self._check_options()
        fresh = not hasattr(self, "module_")
        X, y = self._validated(X, y, reset=fresh)
        check_classification_targets(y)
        if fresh:
            if classes is None:
                raise ValueError(
                    f"{type(self).__name__}: the first call of partial_fit needs classes, all there will be"
                )
            self.classes_ = np.unique(classes)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(
                f"{type(self).__name__}: classes are {classes!r}, but were {self.classes_!r} in the first partial_fit"
            )
        return self._learn(X, y, sample_weight, fresh, 1)

    def _learn(self, X: Array, y: Array, sample_weight: Any, fresh: bool, epochs: int) -> NeuralClassifier:
        weights = self._weights_of(X, sample_weight)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"{type(self).__name__}: y has the classes {unknown!r}, but they must be of {self.classes_!r}"
            )
        if self.class_weight is not None:
            weights = weights * compute_sample_weight(self.class_weight, y).astype(X.dtype)
        targets = np.searchsorted(self.classes_, y)
        keep = weights > 0
        X, targets, weights = X[keep], targets[keep], weights[keep]
        with self._random():
            if fresh:
                self._start(X.shape[1], len(self.classes_), X.dtype, float(weights.sum()), len(X))
            self._train(X, targets, weights, epochs, stopping=epochs == self.max_iter)
        return self

    def _losses(self, outputs: Tensor, targets: Array) -> Tensor:
        return cross_entropy(outputs, targets, reduction="none")

    def predict_log_proba(self, X: Any) -> Array:
        """Logarithms of the classes' probabilities, (N, classes)."""
        scores = self._outputs(X)
        scores = scores - scores.max(axis=1, keepdims=True)
        return np.asarray(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)))

    def predict_proba(self, X: Any) -> Array:
        """The classes' probabilities, (N, classes), in the order of classes_."""
        return np.asarray(np.exp(self.predict_log_proba(X)))

    def predict(self, X: Any) -> Array:
        """The most likely class of each row."""
        best = self._outputs(X).argmax(axis=1)
        return np.asarray(self.classes_[best])
