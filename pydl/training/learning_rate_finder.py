"""find_learning_rate: train with a rate that grows from step to step, and see where the loss falls and where it rises.

    rate k = low (high / low)^(k / (steps - 1))

    found = trainer.find_learning_rate((x, y))
    pydl.plot.learning_rates(found, "rates.png")
    optimizer = Adam(model.parameters(), lr=found.suggestion)

The suggestion is a tenth of the rate at which the smoothed loss is least: there it falls fast, and safely.

Source: Smith, "Cyclical learning rates for training neural networks", WACV 2017 (arXiv:1506.01186), section 3.3.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..arguments import check_integer, check_range
from ..inspection.layer_profile import unchanged
from .batches import apply, as_loader, generators_of, split

if TYPE_CHECKING:
    from .trainer import Trainer

AROUND = 4  # losses on either side that belong to the mean around one
DIVERGED = 4.0  # times the first loss: no need to go on


class LearningRates(NamedTuple):
    """Rates, the loss of a batch before the step with each, the mean around it, and the rate to begin with."""

    rates: list[float]
    losses: list[float]
    smoothed: list[float]
    suggestion: float


def find_learning_rate(
    trainer: Trainer, train: Any, low: float = 1e-6, high: float = 10.0, steps: int = 100, batch_size: int = 32
) -> LearningRates:
    """Up to `steps` steps with rates from low to high. Afterwards model, optimizer and random numbers are as before.

    train as in fit(). Groups of parameters keep the ratios of their rates; `rates` are the first one's. Errors:
    ValueError where the loss is not finite even at the lowest rates.
    """
    name = "find_learning_rate"
    low, high = check_range(name, "low", low, 0), check_range(name, "high", high, 0)
    if not 0 < low < high < math.inf:
        raise ValueError(f"{name}: low and high must be above 0, and high the larger one, not {low} and {high}")
    steps = check_integer(name, "steps", steps, 2)
    loader = as_loader(name, train, batch_size, shuffle=True)
    if len(loader) == 0:
        raise ValueError(f"{name}: train holds no data")
    groups = trainer.optimizer.param_groups
    shares = [each["lr"] / groups[0]["lr"] if groups[0]["lr"] else 1.0 for each in groups]
    rates: list[float] = []
    losses: list[float] = []
    with unchanged(trainer.model, trainer.optimizer, generators_of(loader)):
        trainer.model.train()
        batches = iter(loader)
        for k in range(steps):
            rate = low * (high / low) ** (k / (steps - 1))
            for group, share in zip(groups, shares, strict=True):
                group["lr"] = rate * share
            batch = next(batches, None)
            if batch is None:
                batches = iter(loader)
                batch = next(batches)
            inputs, targets = split(name, batch)
            loss = trainer.loss(apply(trainer.model, inputs), targets)
            value = float(loss.item())
            if not np.isfinite(value):
                break
            rates.append(rate)
            losses.append(value)
            if value > losses[0] + DIVERGED * abs(losses[0]):
                break
            trainer.optimizer.zero_grad()
            loss.backward()
            trainer.optimizer.step()
    if len(rates) < 2:
        raise ValueError(f"{name}: the loss is not finite even at the rate {rate:.3g}; look at the data and the model")
    smoothed = [float(np.mean(losses[max(0, k - AROUND) : k + AROUND + 1])) for k in range(len(losses))]
    return LearningRates(rates, losses, smoothed, rates[int(np.argmin(smoothed))] / 10)
