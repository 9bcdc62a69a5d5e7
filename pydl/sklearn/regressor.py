"""NeuralRegressor: a network with squared error as a scikit-learn regressor."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin

from ..arguments import Array
from ..tensor import Tensor
from .estimator import NeuralEstimator


class NeuralRegressor(RegressorMixin, NeuralEstimator):  # type: ignore[misc]
    """A regressor: a network trained by the squared error, for one number a row or several.

        loss = sum over rows of  weight mean((network(x) - (y - mean) / scale)^2)  /  sum of weights

    The network learns targets that are brought to mean 0 and standard deviation 1, so that learning rate and tol fit
    any unit; predictions are in the unit of y.
    Options: see NeuralEstimator.

    Attributes: module_ the network, target_mean_ and target_scale_, optimizer_, n_iter_ passes, loss_curve_ the loss
    of each pass and loss_ the last one.
    """

    _of_numbers = True

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> NeuralRegressor:
        """Trains on X (N, features) and targets y (N) or (N, outputs); sample_weight (N), or all rows alike."""
        self._check_options()
        fresh = not (self.warm_start and hasattr(self, "module_"))
        X, y = self._validated(X, y, reset=fresh)
        return self._learn(X, y, sample_weight, fresh, self.max_iter)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> NeuralRegressor:
        """One pass over X and y, from where the last call left off. The first call's y decide mean and scale."""
        self._check_options()
        fresh = not hasattr(self, "module_")
        X, y = self._validated(X, y, reset=fresh)
        return self._learn(X, y, sample_weight, fresh, 1)

    def _learn(self, X: Array, y: Array, sample_weight: Any, fresh: bool, epochs: int) -> NeuralRegressor:
        weights = self._weights_of(X, sample_weight)
        keep = weights > 0
        X, weights = X[keep], weights[keep]
        targets = np.asarray(y, np.float64)[keep].reshape(len(X), -1)
        if fresh:
            self.target_mean_ = np.average(targets, axis=0, weights=weights)
            scale = np.sqrt(np.average((targets - self.target_mean_) ** 2, axis=0, weights=weights))
            self.target_scale_ = np.where(scale > 0, scale, 1.0)
            self._one_target = np.ndim(y) == 1
        if targets.shape[1] != len(self.target_mean_):
            raise ValueError(
                f"{type(self).__name__}: y has {targets.shape[1]} targets a row, but had {len(self.target_mean_)}"
            )
        targets = ((targets - self.target_mean_) / self.target_scale_).astype(X.dtype)
        with self._random():
            if fresh:
                self._start(X.shape[1], targets.shape[1], X.dtype, float(weights.sum()), len(X))
            self._train(X, targets, weights, epochs, stopping=epochs == self.max_iter)
        return self

    def _losses(self, outputs: Tensor, targets: Array) -> Tensor:
        if outputs.shape != targets.shape:
            raise ValueError(f"{type(self).__name__}: the module gives {outputs.shape}, but must give {targets.shape}")
        return ((outputs - targets) ** 2).mean(1)

    def predict(self, X: Any) -> Array:
        """The targets of each row, (N) or (N, outputs)."""
        values = self._outputs(X)
        values = (values * self.target_scale_ + self.target_mean_).astype(values.dtype)
        return values[:, 0] if self._one_target else values
