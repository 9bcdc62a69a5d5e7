"""What the classifier and the regressor share: building the network, training it by Trainer, applying it."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d, validate_data

from .. import nn, optim
from ..arguments import Array, check_callable, check_choice, check_flag, check_integer, check_number, check_range
from ..data import DataLoader, NestedDataset
from ..random import get_rng_state, manual_seed, set_rng_state
from ..tensor import Tensor, as_tensor
from ..training import EarlyStopping, Trainer

ACTIVATIONS: dict[str, Callable[[], Any]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "logistic": nn.Sigmoid,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "identity": nn.Identity,
}
OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "adam": optim.Adam,
    "sgd": lambda parameters, lr: optim.SGD(parameters, lr=lr, momentum=0.9, nesterov=True),
    "rmsprop": optim.RMSprop,
    "adagrad": optim.Adagrad,
}


class NeuralEstimator(BaseEstimator):  # type: ignore[misc]
    """The options of both estimators; names and defaults are those of scikit-learn's MLP where it has the same thing.

    hidden_layer_sizes   units of the hidden layers
    activation           "relu", "tanh", "logistic", "gelu", "silu" or "identity"
    module               instead of hidden layers: a function (inputs, outputs) -> Module; or a Module, a copy of which
                         is trained on from the weights it has. It may take inputs (N, ...) of more dimensions than two
    dropout              the share of hidden units that is left out in each training step
    solver               "adam", "sgd" (Nesterov momentum 0.9), "rmsprop" or "adagrad"
    alpha                weight decay: alpha / 2 times the sum of all squared weights (not biases) belongs to the sum of
                         the losses of a batch
    batch_size           rows of a step; "auto": at most 200
    learning_rate_init   the learning rate
    max_iter             passes over the data at the most
    shuffle              a new order in every pass
    random_state         where first weights, shuffles and dropout start
    tol, n_iter_no_change   training ends when the loss has not fallen by tol for so many passes
    verbose              print a line for every pass
    warm_start           fit() goes on from the weights of the last fit()
    early_stopping, validation_fraction   hold out a share of the rows; training ends when their loss no longer falls,
                         and the weights of the best pass are kept

    Numbers are computed in the precision of X: float32 if it is float32, which is twice as fast, else float64.
    Two fits in threads of one process share pydl's source of random numbers; use processes where a seed must count.
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
    ) -> None:
        self.module = module
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dropout = dropout
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change

    _of_numbers = False  # whether the targets are numbers, one or several a row

    def _losses(self, outputs: Tensor, targets: Array) -> Tensor:
        """The loss of each row, (N,)."""
        raise NotImplementedError

    def _check_options(self) -> None:
        name = type(self).__name__
        check_choice(name, "activation", self.activation, *ACTIVATIONS)
        check_choice(name, "solver", self.solver, *OPTIMIZERS)
        check_range(name, "dropout", self.dropout, 0, 1)
        check_range(name, "alpha", self.alpha, 0)
        check_range(name, "tol", self.tol, 0)
        check_range(name, "learning_rate_init", self.learning_rate_init, 0)
        check_integer(name, "max_iter", self.max_iter, 1)
        check_integer(name, "n_iter_no_change", self.n_iter_no_change, 1)
        for flag in ("shuffle", "warm_start", "early_stopping"):
            check_flag(name, flag, getattr(self, flag))
        if not isinstance(self.batch_size, str) or self.batch_size != "auto":
            check_integer(name, "batch_size", self.batch_size, 1)
        if not 0 < check_number(name, "validation_fraction", self.validation_fraction) < 1:
            raise ValueError(f"{name}: validation_fraction must be between 0 and 1, not {self.validation_fraction}")

    def _rules(self, reset: bool) -> dict[str, Any]:
        """What scikit-learn is to check of X. Only a network of one's own knows what to do with images."""
        return {"dtype": [np.float64, np.float32], "allow_nd": self.module is not None, "reset": reset, "order": "C"}

    def _validated(self, X: Any, y: Any, reset: bool) -> Any:
        """X and y as arrays, X in the precision of the training."""
        X, y = validate_data(
            self, X, y, multi_output=self._of_numbers, y_numeric=self._of_numbers, **self._rules(reset)
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X if reset else self._in_precision(X), y

    def _in_precision(self, X: Array) -> Array:
        """X in the precision of the network's weights."""
        dtype: np.dtype[Any] = next(iter(self.module_.parameters())).dtype
        return np.asarray(X, dtype)

    def _network(self, inputs: int, outputs: int, dtype: Any) -> Any:
        """A new network."""
        if isinstance(self.module, nn.Module):
            return copy.deepcopy(self.module)
        if self.module is not None:
            check_callable(
                type(self).__name__, "module", self.module, "a function (inputs, outputs) -> Module, or a Module"
            )
            return self.module(inputs, outputs)
        layers: list[Any] = []
        for units in np.atleast_1d(self.hidden_layer_sizes):
            units = check_integer(type(self).__name__, "hidden_layer_sizes", units, 1)
            layers += [nn.Linear(inputs, units, dtype=dtype), ACTIVATIONS[self.activation]()]
            layers += [nn.Dropout(self.dropout)] if self.dropout else []
            inputs = units
        return nn.Sequential(*layers, nn.Linear(inputs, outputs, dtype=dtype))

    def _start(self, inputs: int, outputs: int, dtype: Any, sum_of_weights: float, rows: int) -> None:
        """A new network with its optimizer, and counters at zero."""
        self.module_ = self._network(inputs, outputs, dtype)
        # Of a batch of `rows` the summed loss carries alpha once, so its mean carries alpha / (its weights' sum).
        decay = self.alpha * rows / (sum_of_weights * self._batch(rows))
        weights = [each for each in self.module_.parameters() if each.ndim > 1]
        others = [each for each in self.module_.parameters() if each.ndim <= 1]
        groups = [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
        self.optimizer_ = OPTIMIZERS[self.solver]([each for each in groups if each["params"]], self.learning_rate_init)
        self.n_iter_ = 0
        self.loss_curve_: list[float] = []

    def _batch(self, rows: int) -> int:
        return min(200 if isinstance(self.batch_size, str) else self.batch_size, rows)

    def _train(self, X: Array, targets: Array, weights: Array, epochs: int, stopping: bool) -> None:
        """Trains the network for so many passes, or until it no longer gets better."""
        held_out = None
        if stopping and self.early_stopping:
            X, held_X, targets, held_targets, weights, held_weights = train_test_split(
                X, targets, weights, test_size=self.validation_fraction, random_state=self.random_state,
                stratify=targets if targets.dtype.kind in "iu" else None,
            )  # fmt: skip
            held_out = NestedDataset((held_X, (held_targets, held_weights)))

        def loss(outputs: Tensor, given: tuple[Array, Array]) -> Tensor:
            own = as_tensor("fit", given[1])
            mean: Tensor = (self._losses(outputs, given[0]) * own).sum() / own.sum()
            return mean

        callbacks = []
        if stopping:
            monitor = "val_loss" if held_out is not None else "loss"
            callbacks = [EarlyStopping(monitor, self.n_iter_no_change, self.tol, "min", held_out is not None)]
        trainer = Trainer(
            self.module_,
            loss,
            self.optimizer_,
            callbacks=callbacks,
            progress=bool(self.verbose),
            capture=self.module is None,  # of a network of somebody's own nothing is known
        )
        data = DataLoader(NestedDataset((X, (targets, weights))), self._batch(len(X)), shuffle=self.shuffle)
        history = trainer.fit(data, held_out, epochs)
        self.loss_curve_ += [float(epoch["loss"]) for epoch in history.epochs]
        self.loss_ = self.loss_curve_[-1]
        self.n_iter_ = len(self.loss_curve_)
        if stopping and not trainer.stop and epochs == self.max_iter:
            warnings.warn(
                f"{type(self).__name__}: the loss was still falling after max_iter={self.max_iter} passes",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _outputs(self, X: Any) -> Array:
        """The network's outputs for X."""
        check_is_fitted(self)
        X = self._in_precision(np.asarray(validate_data(self, X, **self._rules(reset=False))))
        outputs: Array = Trainer(self.module_, _no_loss, self.optimizer_, progress=False).predict(X)
        return outputs

    def _weights_of(self, X: Array, sample_weight: Any) -> Array:
        """The rows' weights."""
        weights: Array = _check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)
        return weights

    @contextmanager
    def _random(self) -> Iterator[None]:
        """pydl's random numbers start from random_state; afterwards they go on where they were."""
        before = get_rng_state()
        manual_seed(int(check_random_state(self.random_state).randint(2**31)))
        try:
            yield
        finally:
            set_rng_state(before)


def _no_loss(outputs: Any, targets: Any) -> Any:
    """For a Trainer that only predicts."""
    raise NotImplementedError
