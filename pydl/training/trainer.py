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

What batches may look like (several inputs or outputs, by place or by name) stands in batches.py.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from typing import Any

from ..arguments import check_flag, check_integer, check_path, check_range, show
from ..data import DataLoader
from ..optim import clip_max_norm_, l1_penalty
from ..tensor import no_grad
from .batches import apply, as_arrays, as_loader, count_rows, grouped, inputs_to_predict, join, split
from .callback import Callback
from .captured_steps import captured_steps, check_loss
from .checkpoint import load_checkpoint
from .history import History
from .learning_rate_finder import LearningRates, find_learning_rate
from .not_finite import first_bad_output
from .progress_bar import ProgressBar


def _check_parts(name: str, parts: Any, method: str, needed: str) -> None:
    for part in parts if isinstance(parts, list | tuple) else [parts]:
        if part is parts or not hasattr(part, method):
            raise TypeError(f"Trainer: {name} must be {needed}, not {type(part).__name__}")
        if isinstance(part, type):
            raise TypeError(
                f"Trainer: {name} must be {needed}, not the class {part.__name__}; call it: {part.__name__}(...)"
            )


class Trainer:
    """Trains, evaluates and applies a model.

    loss       (outputs, targets) -> a Tensor of one number, the mean over the batch
    metrics    functions (outputs, targets) -> number on arrays, computed over whole data sets; named by __name__
    callbacks  run in the order given, after the history and a progress bar (unless there is one among them, or
               progress=False)
    accumulate_grad_batches   so many batches make one step of the optimizer: of the mean gradient over all their
               rows, as if they were one batch that would not fit in memory
    l1         so many times the sum of |w| is added to the loss of a step, over the weights, those of two or more
               dimensions: most become 0. The losses reported are without it. l1_penalty() in pydl.optim
    max_norm   after a step the weights of no unit are longer than this: clip_max_norm_() in pydl.optim
    capture    True: steps are recorded and replayed by pydl.capture_step, to the same bits in less time, where batches
               of the same shapes come again. "auto": for networks of pydl's own layers and losses alone, of which is
               known that this changes nothing. What capture_step refuses is an error with True, and for a network
               of one's own True says that its forward keeps nothing aside and branches on no values. False: never

    epoch counts from 1 while training; epochs is how many there will be, batches how many steps each has; batch is the
    last (inputs, targets), data the training data as a DataLoader.
    """

    def __init__(
        self,
        model: Any,
        loss: Callable[[Any, Any], Any],
        optimizer: Any,
        metrics: Sequence[Callable[[Any, Any], float]] = (),
        callbacks: Sequence[Callback] = (),
        progress: bool = True,
        accumulate_grad_batches: int = 1,
        l1: float = 0.0,
        max_norm: float | None = None,
        capture: bool | str = "auto",
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
        self.accumulate = check_integer("Trainer", "accumulate_grad_batches", accumulate_grad_batches, 1)
        self.l1 = check_range("Trainer", "l1", l1, 0)
        self.max_norm = None if max_norm is None else check_range("Trainer", "max_norm", max_norm, 0)
        if not isinstance(capture, bool) and capture != "auto":
            raise ValueError(f'Trainer: capture must be True, False or "auto", not {show(capture)}')
        self.capture = capture
        self._captured: Any = None
        self.history = History()
        own = next((each for each in callbacks if isinstance(each, ProgressBar)), None)
        self._bar = own or (ProgressBar() if progress else None)
        added = [self._bar] if self._bar is not None and own is None else []
        self.callbacks: list[Callback] = [self.history, *added, *callbacks]
        self.epoch = self.epochs = self.batches = 0
        self.stop = self.fitting = False
        self.batch: Any = None
        self.data: Any = None

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
        evaluate_train: bool = False,
    ) -> History:
        """Trains for `epochs` passes over the data; returns the history.

        train, validation: arrays (inputs, targets), a Dataset of such pairs, or a DataLoader. Arrays and Datasets are
        shuffled and cut into batches of `batch_size`. resume: a file of the Checkpoint callback; training goes on from
        there, to the same bytes as if it had never been interrupted.

        The history's "loss" is the mean over the steps of an epoch, with dropout and weights that still moved, so it
        does not compare with "val_loss". evaluate_train: after each epoch evaluate the training data, too, as
        "train_loss" and so on, in evaluation mode like the validation data. It takes another pass over them.

        Errors: FloatingPointError as soon as the loss is not a finite number, with the layer where it began;
        ValueError where a parameter that shall learn is not in the optimizer. After Ctrl-C (KeyboardInterrupt) the
        callbacks' on_fit_end still runs and the last checkpoint stays whole.
        """
        loader = as_loader("fit", train, batch_size, shuffle=True)
        self.epochs, self.batches = check_integer("fit", "epochs", epochs, 0), -(-len(loader) // self.accumulate)
        parts: dict[str, Any] = {}
        if check_flag("fit", "evaluate_train", evaluate_train):
            parts["train"] = loader.in_order() if isinstance(loader, DataLoader) else loader
        if validation is not None:
            parts["val"] = validation
        self.epoch, self.stop, self.data = 0, False, loader
        if self.batches == 0:
            raise ValueError("fit: train holds no data")
        forgotten = forgotten_parameters(self.model, self.optimizer)
        if forgotten:
            raise ValueError(
                f"fit: the optimizer does not have the parameters {', '.join(forgotten)}, which would never learn; "
                f"give it model.parameters(), or freeze them with requires_grad_(False)"
            )
        if resume is not None:
            load_checkpoint(self, check_path("fit", "resume", resume))
        self._each("on_fit_begin")
        self._captured = captured_steps(self)
        self.fitting = True
        try:
            while self.epoch < self.epochs and not self.stop:
                self.epoch += 1
                self._each("on_epoch_begin")
                logs = self._train_epoch(loader)
                self._each("on_train_end")
                for part, data in parts.items():
                    logs.update({f"{part}_{name}": value for name, value in self.evaluate(data).items()})
                self._each("on_epoch_end", logs)
        finally:
            self.fitting, self._captured = False, None
            self.model.eval()
            self._each("on_fit_end")
        return self.history

    def _train_epoch(self, loader: Any) -> dict[str, float]:
        self.model.train()
        total, count = 0.0, 0
        for group in grouped(loader, self.accumulate):
            loss, rows = self._step([split("fit", batch) for batch in group])
            total, count = total + loss * rows, count + rows
            self._each("on_batch_end", {"loss": total / count})
        return {"loss": total / count}

    def _step(self, batches: list[tuple[Any, Any]]) -> tuple[float, int]:
        """One step of the optimizer, on all rows of some batches; their mean loss and their number."""
        rows = [count_rows(targets) for _, targets in batches]
        mean, whole = 0.0, sum(rows)
        for i, (inputs, targets) in enumerate(batches):
            self.batch = inputs, targets
            replayed = None if self._captured is None else self._captured.loss_of(inputs, targets)
            loss = self.loss(apply(self.model, inputs), targets) if replayed is None else replayed
            value = _number(loss)
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"fit: the loss is {value} in epoch {self.epoch}: {first_bad_output(self.model, inputs)}; where "
                    f"the data are right, a smaller learning rate is the usual cure"
                )
            mean += value if len(batches) == 1 else value * rows[i] / whole
            if replayed is not None:
                continue
            if i == 0:
                self.optimizer.zero_grad()
            if self.l1:
                loss = loss + l1_penalty(self.weights(), self.l1)
            (loss if len(batches) == 1 else loss * (rows[i] / whole)).backward()
        self._each("on_before_step")
        self.optimizer.step()
        if self.max_norm is not None:
            clip_max_norm_(self.model.parameters(), self.max_norm)
        return mean, whole

    def weights(self) -> list[Any]:
        """The weights that the L1 penalty is for."""
        weights = [each for each in self.model.parameters() if each.ndim > 1 and each.requires_grad]
        if not weights:
            raise ValueError(
                f"fit: l1 is {self.l1:g}, but the model has no weights of two or more dimensions that learn"
            )
        return weights

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
                inputs, targets = split("evaluate", batch)
                result, rows = apply(self.model, inputs), count_rows(targets)
                total, count = total + _number(self.loss(result, targets), "evaluate") * rows, count + rows
                if self.metrics:
                    outputs.append(as_arrays(result))
                    answers.append(as_arrays(targets))
        if count == 0:
            raise ValueError("evaluate: there is no data")
        figures = {"loss": total / count}
        if self.metrics:
            joined, targets = join(outputs), join(answers)
            figures.update({metric.__name__: float(metric(joined, targets)) for metric in self.metrics})
        return figures

    def predict(self, inputs: Any, batch_size: int = 256) -> Any:
        """The model's outputs as arrays, the model in evaluation mode. No inputs, no outputs.

        inputs: an array (N, ...); a tuple or dict of arrays for a model of several inputs; or a Dataset or DataLoader,
        whose targets are left out if it has some.
        """
        outputs = []
        with Evaluating(self.model):
            for batch in inputs_to_predict(inputs, batch_size):
                outputs.append(as_arrays(apply(self.model, batch)))
        if not outputs:
            raise ValueError("predict: there is no data")
        return join(outputs)

    def find_learning_rate(
        self, train: Any, low: float = 1e-6, high: float = 10.0, steps: int = 100, batch_size: int = 32
    ) -> LearningRates:
        """Which learning rate suits this model, optimizer and data: see learning_rate_finder.py."""
        return find_learning_rate(self, train, low, high, steps, batch_size)


def _number(loss: Any, method: str = "fit") -> float:
    """The loss as a float; refuses what is none, or no Tensor."""
    check_loss(loss, method)
    return float(loss.item())


def forgotten_parameters(model: Any, optimizer: Any) -> list[str]:
    """The names of the parameters that shall learn, but that the optimizer does not have."""
    known = {id(each) for group in getattr(optimizer, "param_groups", []) for each in group["params"]}
    return [name for name, each in model.named_parameters() if each.requires_grad and id(each) not in known]


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
