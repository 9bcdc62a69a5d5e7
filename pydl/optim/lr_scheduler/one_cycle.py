"""OneCycleLR: one rise and one fall over the whole training."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...arguments import check_choice, check_flag, check_integer, check_number, check_range
from ..optimizer import Optimizer
from .scheduler import LRScheduler


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (math.cos(math.pi * share) + 1)


def _linear(start: float, end: float, share: float) -> float:
    return start + (end - start) * share


_ANNEAL: dict[str, Callable[[float, float, float], float]] = {"cos": _cosine, "linear": _linear}


class OneCycleLR(LRScheduler):
    """One rise and one fall of the learning rate over the whole training, the momentum going the other way.

        max_lr / div_factor -> max_lr in the first pct_start of total_steps, -> initial / final_div_factor in the rest

    total_steps, or epochs times steps_per_epoch, says how long. three_phase: falls as long as it rose, back to the
    initial rate, before the last phase. cycle_momentum: momentum (or the first beta) goes from max_momentum to
    base_momentum and back. max_lr, base_momentum, max_momentum: a number, or one for each group.
    Errors: ValueError where the length is not known, an option is out of range, momentum is to be cycled but the
    optimizer has none, or there are more steps than total_steps.
    Source: Smith, Topin, "Super-convergence: very fast training of neural networks using large learning rates" (2018).
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR: give total_steps, or both epochs and steps_per_epoch")
            total_steps = check_integer("OneCycleLR", "epochs", epochs, 1) * check_integer(
                "OneCycleLR", "steps_per_epoch", steps_per_epoch, 1
            )
        self.total_steps = check_integer("OneCycleLR", "total_steps", total_steps, 1)
        self.anneal_strategy = check_choice("OneCycleLR", "anneal_strategy", anneal_strategy, *_ANNEAL)
        self.cycle_momentum = check_flag("OneCycleLR", "cycle_momentum", cycle_momentum)
        pct_start = check_range("OneCycleLR", "pct_start", pct_start, 0, 1)
        div_factor, final_div_factor = self._above_zero(div_factor=div_factor, final_div_factor=final_div_factor)
        # Each phase: its last step, and where lr and momentum go.
        self.phases: list[list[Any]]
        if check_flag("OneCycleLR", "three_phase", three_phase):
            rise = float(pct_start * total_steps) - 1
            self.phases = [
                [rise, "initial_lr", "max_lr", "max_momentum", "base_momentum"],
                [float(2 * pct_start * total_steps) - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum"],
                [total_steps - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum"],
            ]
        else:
            self.phases = [
                [float(pct_start * total_steps) - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum"],
                [total_steps - 1, "max_lr", "min_lr", "base_momentum", "max_momentum"],
            ]
        self.optimizer = self._checked(optimizer)
        groups = optimizer.param_groups
        if cycle_momentum and not all("momentum" in group or "betas" in group for group in groups):
            raise ValueError("OneCycleLR: the optimizer has no momentum to cycle; set cycle_momentum=False")
        last_epoch = check_integer("OneCycleLR", "last_epoch", last_epoch, -1)
        if last_epoch == -1:
            tops = self.each_group("max_lr", max_lr)
            bases = self.each_group("base_momentum", base_momentum)
            highs = self.each_group("max_momentum", max_momentum)
            for group, top, base, high in zip(groups, tops, bases, highs, strict=True):
                group["max_lr"] = top
                group["lr"] = group["initial_lr"] = top / div_factor
                group["min_lr"] = top / div_factor / final_div_factor
                if cycle_momentum:
                    group["base_momentum"], group["max_momentum"] = base, high
        super().__init__(optimizer, last_epoch)

    def _above_zero(self, **factors: Any) -> list[float]:
        for name, factor in factors.items():
            if not check_number("OneCycleLR", name, factor) > 0:
                raise ValueError(f"OneCycleLR: {name} must be above 0, not {factor}")
        return [float(factor) for factor in factors.values()]

    def get_lr(self) -> list[float]:
        if self.last_epoch > self.total_steps:
            raise ValueError(f"OneCycleLR: step {self.last_epoch} was asked for, but total_steps is {self.total_steps}")
        return [self._now(group, 1) for group in self.optimizer.param_groups]

    def step(self) -> None:
        super().step()
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                momentum = self._now(group, 3)
                if "betas" in group:
                    group["betas"] = (momentum, *group["betas"][1:])
                else:
                    group["momentum"] = momentum

    def _now(self, group: dict[str, Any], column: int) -> float:
        """The value between the phase's two ends, in `column` and the next, at step self.last_epoch."""
        start = 0.0
        for i, phase in enumerate(self.phases):
            if self.last_epoch <= phase[0] or i == len(self.phases) - 1:
                share = (self.last_epoch - start) / (phase[0] - start) if phase[0] != start else 1.0
                return _ANNEAL[self.anneal_strategy](group[phase[column]], group[phase[column + 1]], share)
            start = phase[0]
        raise AssertionError("the last phase ends the loop")
