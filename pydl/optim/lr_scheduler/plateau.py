"""ReduceLROnPlateau: the learning rate falls when a figure has stopped getting better."""

from __future__ import annotations

import math

from ...arguments import check_choice, check_integer, check_number, check_range
from ..optimizer import Optimizer
from .scheduler import LRScheduler


class ReduceLROnPlateau(LRScheduler):
    """lr = max(lr factor, min_lr) after more than `patience` steps in a row without a better figure.

        scheduler.step(validation_loss)

    mode: "min" where small figures are good, "max" where large ones are. Better means by more than the share
    `threshold` of the best one ("rel") or by more than `threshold` itself ("abs"). cooldown: steps after a fall that do
    not count. min_lr: one for all groups, or one each. eps: a smaller fall is not made. NaN is never better.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        name = "ReduceLROnPlateau"
        self.optimizer = self._checked(optimizer)
        self.mode = check_choice(name, "mode", mode, "min", "max")
        self.factor = check_range(name, "factor", factor, 0, 1)
        if self.factor == 1:
            raise ValueError(f"{name}: factor must be below 1, not {factor}")
        self.patience = check_integer(name, "patience", patience, 0)
        self.threshold = check_range(name, "threshold", threshold, 0)
        self.threshold_mode = check_choice(name, "threshold_mode", threshold_mode, "rel", "abs")
        self.cooldown = check_integer(name, "cooldown", cooldown, 0)
        self.min_lrs = self.each_group("min_lr", min_lr)
        self.eps = check_range(name, "eps", eps, 0)
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = self.last_epoch = 0
        self.base_lrs = self.get_lr()
        self._last_lr = self.get_lr()

    def get_lr(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def is_better(self, figure: float) -> bool:
        """Whether the figure is better than the best one by the threshold."""
        if self.threshold_mode == "rel":
            share = self.threshold if self.mode == "max" else -self.threshold
            limit = self.best * (1 + share)
        else:
            limit = self.best + (self.threshold if self.mode == "max" else -self.threshold)
        return figure > limit if self.mode == "max" else figure < limit

    def step(self, metrics: float) -> None:  # type: ignore[override]
        """Takes the figure of an epoch: a number, or a Tensor of one."""
        figure = check_number("ReduceLROnPlateau", "metrics", metrics.item() if hasattr(metrics, "item") else metrics)
        self.last_epoch += 1
        if self.is_better(figure):
            self.best, self.num_bad_epochs = figure, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            for group, least in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
                new = max(group["lr"] * self.factor, least)
                if group["lr"] - new > self.eps:
                    group["lr"] = new
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = self.get_lr()
