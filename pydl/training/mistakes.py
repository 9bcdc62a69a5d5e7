"""The classic mistakes, each with the figure that shows it. pydl.diagnose looks for them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data import DataLoader
from ..random import get_rng_state, set_rng_state
from ..tensor import Tensor
from .batches import apply, as_arrays, split
from .not_finite import first_bad_output

STEPS, RISE = 5, 0.2  # steps on one batch that make its loss larger by this share of it are too long
DEAD = 0.8  # more units than this share are 0 for all rows; half of them are in deep networks that learn
FLAT, SATURATED = 0.05, 0.5  # more outputs than this share have less than this share of the largest slope
WIDE = 3.0  # times the standard deviation that keeps the size of what goes through a layer
SORTED = 0.2  # fewer changes of class from row to row than this share of those in a random order

SLOWER = "; try a smaller learning rate (trainer.find_learning_rate shows which)"
# What may stand between a layer and the non-linear function before it.
SHAPES = {"reshape", "flatten", "squeeze", "unsqueeze", "transpose", "permute", "clone"}
POOLS = {f"{kind}_pool{d}d" for kind in ("max", "avg", "adaptive_max", "adaptive_avg") for d in (1, 2, 3)}
# With x the model's output, an operation before a loss that does the same itself, or needs another one.
BEFORE_LOSS = {
    ("cross_entropy", "softmax"): "leave the model's last softmax out",
    ("cross_entropy", "sigmoid"): "leave the model's last sigmoid out",
    ("binary_cross_entropy_with_logits", "sigmoid"): "leave the model's last sigmoid out, or use binary_cross_entropy",
    ("nll_loss", "softmax"): "nll_loss needs logarithms: use log_softmax, or cross_entropy on raw scores",
    ("nll_loss", "linear"): "nll_loss needs logarithms: use cross_entropy for raw scores",
}


@dataclass
class Finding:
    """mistake: its name; sentence: what was found and what to do; layer: its name, where it is one layer's; figure."""

    mistake: str
    sentence: str
    layer: str = ""
    figure: float = math.nan


def forgotten_zero_grad(optimizer: Any) -> Iterator[Finding]:
    """Most steps found the gradients of the step before."""
    steps, left = getattr(optimizer, "steps", 0), getattr(optimizer, "leftover_steps", 0)
    if 2 * left > steps:
        yield Finding(
            "zero_grad",
            f"{left} of {steps} steps of the optimizer had the gradients of earlier steps in theirs; call "
            f"optimizer.zero_grad() before loss.backward()",
            figure=left,
        )


def train_mode(trainer: Any, inputs: Any) -> Iterator[Finding]:
    """After training, the model still behaves as in training."""
    if not trainer.epoch or trainer.fitting or not trainer.model.training:
        return
    noisy = as_arrays(apply(trainer.model, inputs))
    quiet = as_arrays(apply(trainer.model.eval(), inputs))
    trainer.model.train()
    if isinstance(quiet, np.ndarray) and noisy.shape == quiet.shape:
        apart = float(np.abs(noisy - quiet).mean() / max(float(np.abs(quiet).mean()), 1e-30))
        if apart > 1e-3:
            yield Finding(
                "train_mode",
                f"the model is in training mode, so that its outputs are {100 * apart:.0f} % off; call model.eval() "
                f"before predicting, or use trainer.predict",
                figure=apart,
            )


def rising_loss(trainer: Any) -> Iterator[Finding]:
    """The training loss ended higher than it began."""
    losses = [epoch["loss"] for epoch in trainer.history.epochs]
    if len(losses) > 1 and losses[-1] > losses[0]:
        yield Finding(
            "learning_rate",
            f"the training loss rose from {losses[0]:.3g} in the first epoch to {losses[-1]:.3g} in the last{SLOWER}",
            figure=losses[-1],
        )


def sorted_data(loader: Any) -> Iterator[Finding]:
    """The rows come in the order of their targets."""
    if not isinstance(loader, DataLoader) or loader.shuffle or loader.sampler or loader.batch_sampler:
        return
    rows = len(loader.dataset)
    order = np.unique(np.linspace(0, rows - 1, min(rows, 1000)).astype(np.int64))
    (batch,) = DataLoader(loader.dataset, len(order), sampler=order, collate_fn=loader.collate_fn)
    targets = as_arrays(split("diagnose", batch)[1])
    if not isinstance(targets, np.ndarray) or targets.size != len(order) or len(order) < 10:
        return
    steps = np.diff(targets.reshape(-1).astype(np.float64))
    _, counts = np.unique(targets, return_counts=True)
    expected = len(steps) * (1 - float(((counts / len(order)) ** 2).sum()))
    changes = int((steps != 0).sum())
    climbs = bool((steps >= 0).all() or (steps <= 0).all())
    if expected > 4 and (climbs or changes < SORTED * expected):
        yield Finding(
            "order",
            f"the training data are sorted: the targets of {len(order)} rows {'only climb or fall' if climbs else ''}"
            f"{'' if climbs else f'change {changes} times, in random order about {expected:.0f} times'}; "
            f"use DataLoader(..., shuffle=True)",
            figure=changes,
        )


def not_finite(model: Any, inputs: Any, loss: float) -> Iterator[Finding]:
    """The loss is not a number."""
    if not math.isfinite(loss):
        where = first_bad_output(model, inputs)
        yield Finding("not_finite", f"the loss is {loss}: {where}; use a smaller learning rate", figure=loss)


def activation_before_loss(loss: Tensor, calls: list[Any]) -> Iterator[Finding]:
    """The loss is given what another non-linear function has squeezed already."""
    for node in _nodes(loss.grad_fn):
        given = _skip(node.inputs[0], SHAPES) if node.inputs else None
        kind = getattr(given, "name", "")
        cure = BEFORE_LOSS.get((node.name, kind))
        if cure is None:
            continue
        layer, classes = next(((call[0], call[3].shape[-1]) for call in calls if _made_by(call[3]) is given), ("", 0))
        told, least = f"{node.name} is given the output of {kind} {layer}".rstrip(), math.nan
        if node.name == "cross_entropy" and classes > 1:  # scores from 0 to 1
            least = math.log(math.e + classes - 1) - 1
            told += f", so the loss cannot fall below {least:.2f}"
        yield Finding("activation_before_loss", f"{told}: {cure}", layer, least)


def hidden_units(calls: list[Any]) -> Iterator[Finding]:
    """What layers with weights read: units that are 0 for every row, or where the function before is flat."""
    for _, module, given, _ in calls:
        weight = getattr(module, "weight", None)
        if weight is None or weight.ndim < 2 or not given or not isinstance(given[0], Tensor):
            continue
        x = given[0]
        source = _skip(x.grad_fn, SHAPES | POOLS)
        kind = getattr(source, "name", "")
        if source is None:
            continue
        # By a layer's name where the function is one, else by that of the layer before it.
        before = [each for each in calls if _made_by(each[3]) is source.inputs[0]]
        names = [each[0] for each in calls if _made_by(each[3]) is source] + [f"after {each[0]}" for each in before]
        layer = names[0] if names else ""
        if kind == "relu":
            units = tuple(d for d in range(x.ndim) if d != (x.ndim - 1 if weight.ndim == 2 else 1))
            dead = 1 - float((x.data != 0).any(axis=units).mean())
            if dead > DEAD:
                yield Finding(
                    "dead_relu",
                    f"{100 * dead:.0f} % of the units of ReLU {layer} are dead, 0 for all {len(x)} rows, and learn no "
                    f"more; begin anew with a smaller learning rate, or use LeakyReLU",
                    layer,
                    dead,
                )
        elif kind in ("sigmoid", "tanh") and _skip(x.grad_fn, SHAPES) is source and before:
            slope = 1 - x.data**2 if kind == "tanh" else 4 * x.data * (1 - x.data)
            flat = float((slope < FLAT).mean())
            own = getattr(before[0][1], "weight", None)
            if own is None or own.ndim < 2 or flat <= SATURATED:
                continue
            deviation, inputs = float(own.data.std()), own.data[0].size
            if deviation * math.sqrt(inputs) > WIDE:
                yield Finding(
                    "saturated",
                    f"{100 * flat:.0f} % of the outputs of {kind} {layer} lie where it is flat, and hardly any "
                    f"gradient passes: the weights before it have a standard deviation of {deviation:.2g}, for "
                    f"{inputs} inputs {1 / math.sqrt(inputs):.2g} is right; see nn.init.xavier_uniform_",
                    layer,
                    flat,
                )


def steps_too_long(trainer: Any, inputs: Any, targets: Any) -> Iterator[Finding]:
    """Steps on one batch make its own loss larger. Changes the model: for use inside of unchanged()."""
    model, optimizer = trainer.model.train(), trainer.optimizer
    state = get_rng_state()
    losses: list[float] = []
    for _ in range(STEPS + 1):
        set_rng_state(state)  # so that dropout leaves the same units out
        loss = trainer.loss(apply(model, inputs), targets)
        losses.append(float(loss.item()))
        if not math.isfinite(losses[-1]):
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    worst = losses[-1] if not math.isfinite(losses[-1]) else max(losses)
    scale = max(abs(each) for each in (losses[0], *(epoch["loss"] for epoch in trainer.history.epochs[:1])))
    if not worst <= losses[0] + RISE * scale:
        rate = optimizer.param_groups[0]["lr"]
        yield Finding(
            "learning_rate",
            f"{len(losses) - 1} steps on one batch with the learning rate {rate:.3g} make its own loss rise from "
            f"{losses[0]:.3g} to {worst:.3g}{SLOWER}",
            figure=worst,
        )


def _made_by(output: Any) -> Any:
    return output.grad_fn if isinstance(output, Tensor) else None


def _skip(node: Any, names: set[str]) -> Any:
    """The first node on the way back with another name."""
    while getattr(node, "name", "") in names:
        node = node.inputs[0]
    return node


def _nodes(node: Any) -> Iterator[Any]:
    """A node and all that it was computed from."""
    seen, waiting = set(), [node]
    while waiting:
        node = waiting.pop()
        if hasattr(node, "inputs") and id(node) not in seen:
            seen.add(id(node))
            yield node
            waiting.extend(node.inputs)
