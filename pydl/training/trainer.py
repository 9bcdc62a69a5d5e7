"""Trainer: the training loop, so that a program says what to train and not how.

    trainer = pydl.Trainer(model, loss=cross_entropy, optimizer=Adam(model.parameters()), metrics=[accuracy])
    trainer.fit((x, y), validation=(x_val, y_val), epochs=10)
    trainer.evaluate((x_test, y_test))     # {"loss": ..., "accuracy": ...}
    trainer.predict(x_new)                 # the model's outputs

One step of it, by hand, is

    loss = cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..arguments import Array, check_array, check_integer, check_path
from ..data import DataLoader, TensorDataset
from ..tensor import Tensor, no_grad
from .callback import Callback
from .checkpoint import load_checkpoint
from .history import History
from .progress_bar import ProgressBar


def _check_parts(name: str, parts: Any, method: str, needed: str) -> None:
    for part in parts if isinstance(parts, list | tuple) else [parts]:
        if part is parts or not hasattr(part, method):
            raise TypeError(f"Trainer: {name} must be {needed}, not {type(part).__name__}")


class Trainer:
    """Trains, evaluates and applies a model.

    loss       (outputs, targets) -> a Tensor of one number, the mean over the batch
    metrics    functions (outputs, targets) -> number on arrays, computed over whole data sets; named by __name__
    callbacks  run in the order given, after the history and a progress bar (unless there is one among them, or
               progress=False)

    epoch counts from 1 while training; epochs is how many there will be, batches how many steps each has.
    """

    def __init__(
        self,
        model: Any,
        loss: Callable[[Any, Any], Any],
        optimizer: Any,
        metrics: Sequence[Callable[[Any, Any], float]] = (),
        callbacks: Sequence[Callback] = (),
        progress: bool = True,
    ) -> None:
        _check_parts("model", [model], "parameters", "a Module")
        _check_parts("loss", [loss], "__call__", "a function (outputs, targets)")
        _check_parts("optimizer", [optimizer], "step", "an Optimizer")
        _check_parts("metrics", metrics, "__call__", "a list of functions (outputs, targets)")
        _check_parts("callbacks", callbacks, "on_fit_end", "a list of Callbacks")
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self.metrics = list(metrics)
        self.history = History()
        own = next((each for each in callbacks if isinstance(each, ProgressBar)), None)
        self._bar = own or (ProgressBar() if progress else None)
        added = [self._bar] if self._bar is not None and own is None else []
        self.callbacks: list[Callback] = [self.history, *added, *callbacks]
        self.epoch = self.epochs = self.batches = 0
        self.stop = False

    def say(self, line: str) -> None:
        """Prints a line beside the progress bar; silent without one."""
        if self._bar is not None:
            self._bar.say(line)

    def fit(
        self,
        train: Any,
        validation: Any = None,
        epochs: int = 1,
        batch_size: int = 32,
        resume: str | os.PathLike[str] | None = None,
    ) -> History:
        """Trains for `epochs` passes over the data; returns the history.

        train, validation: arrays (inputs, targets), a Dataset of such pairs, or a DataLoader. Arrays and Datasets are
        shuffled and cut into batches of `batch_size`. resume: a file of the Checkpoint callback; training goes on from
        there, to the same bytes as if it had never been interrupted.

        Errors: FloatingPointError as soon as the loss is not a finite number. After Ctrl-C (KeyboardInterrupt) the
        callbacks' on_fit_end still runs and the last checkpoint stays whole.
        """
        loader = as_loader("fit", train, batch_size, shuffle=True)
        self.epochs, self.batches = check_integer("fit", "epochs", epochs, 0), len(loader)
        self.epoch, self.stop = 0, False
        if self.batches == 0:
            raise ValueError("fit: train holds no data")
        if resume is not None:
            load_checkpoint(self, check_path("fit", "resume", resume))
        self._each("on_fit_begin")
        try:
            while self.epoch < self.epochs and not self.stop:
                self.epoch += 1
                self._each("on_epoch_begin")
                logs = self._train_epoch(loader)
                if validation is not None:
                    figures = self.evaluate(validation)
                    logs.update({f"val_{name}": value for name, value in figures.items()})
                self._each("on_epoch_end", logs)
        finally:
            self.model.eval()
            self._each("on_fit_end")
        return self.history

    def _train_epoch(self, loader: Any) -> dict[str, float]:
        self.model.train()
        total, count = 0.0, 0
        for batch in loader:
            inputs, targets = split(batch)
            loss = self.loss(self.model(*inputs), targets)
            value = float(loss.item())
            if not np.isfinite(value):
                raise FloatingPointError(
                    f"fit: the loss is {value} in epoch {self.epoch}; a smaller learning rate is the usual cure"
                )
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total, count = total + value * len(targets), count + len(targets)
            self._each("on_batch_end", {"loss": total / count})
        return {"loss": total / count}

    def _each(self, moment: str, *arguments: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, moment)(self, *arguments)

    def evaluate(self, data: Any, batch_size: int = 256) -> dict[str, float]:
        """The loss and the metrics over a data set, the model in evaluation mode (no dropout, no gradients)."""
        loader = as_loader("evaluate", data, batch_size, shuffle=False)
        total, count = 0.0, 0
        outputs, answers = [], []
        with Evaluating(self.model):
            for batch in loader:
                inputs, targets = split(batch)
                result = self.model(*inputs)
                total += float(self.loss(result, targets).item()) * len(targets)
                count += len(targets)
                outputs.append(result.data)
                answers.append(np.asarray(targets))
        if count == 0:
            raise ValueError("evaluate: there is no data")
        figures = {"loss": total / count}
        joined, targets = np.concatenate(outputs), np.concatenate(answers)
        figures.update({metric.__name__: float(metric(joined, targets)) for metric in self.metrics})
        return figures

    def predict(self, inputs: Any, batch_size: int = 256) -> Array:
        """The model's outputs for an array of inputs (N, ...), the model in evaluation mode. No inputs, no outputs."""
        array = check_array("predict", "inputs", inputs.data if isinstance(inputs, Tensor) else inputs)
        if array.ndim == 0:
            raise ValueError("predict: inputs must have a first dimension, (N, ...), but are one number")
        size = check_integer("predict", "batch_size", batch_size, 1)
        with Evaluating(self.model):
            starts = range(0, max(len(array), 1), size)
            return np.concatenate([self.model(array[start : start + size]).data for start in starts])


class Evaluating:
    """The model in evaluation mode without gradients; afterwards as it was before."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self._no_grad = no_grad()

    def __enter__(self) -> None:
        self._before = self.model.training
        self.model.eval()
        self._no_grad.__enter__()

    def __exit__(self, *error: object) -> None:
        self._no_grad.__exit__(*error)
        self.model.train(self._before)


def as_loader(method: str, data: Any, batch_size: int, shuffle: bool) -> Any:
    """A DataLoader of what fit() and evaluate() take."""
    if isinstance(data, DataLoader) or (isinstance(data, Iterable) and not hasattr(data, "__getitem__")):
        return data
    if isinstance(data, tuple | list) and data:
        data = TensorDataset(*data)
    if isinstance(data, str | dict | tuple | list | np.ndarray | Tensor) or not hasattr(data, "__getitem__"):
        needs = "(inputs, targets), a Dataset of such pairs or a DataLoader"
        raise TypeError(f"{method}: data must be {needs}, not {type(data).__name__}")
    return DataLoader(data, batch_size=batch_size, shuffle=shuffle)


def split(batch: Any) -> tuple[tuple[Any, ...], Any]:
    """(inputs, targets) of a batch: the last part is the targets, all before it goes into the model."""
    if not isinstance(batch, tuple | list) or len(batch) < 2:
        raise ValueError(f"fit: a batch must be (inputs, targets), not {type(batch).__name__}")
    return tuple(batch[:-1]), batch[-1]
