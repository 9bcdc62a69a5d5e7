"""CyclicLR: the learning rate goes up and down between two limits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...arguments import check_callable, check_choice, check_flag, check_integer, check_number, check_range
from ..optimizer import Optimizer
from .scheduler import LRScheduler


class CyclicLR(LRScheduler):
    """lr = base_lr + (max_lr - base_lr) h(t) s: a zigzag h of step_size_up steps up, step_size_down (as many) down.

    mode: "triangular" (s = 1), "triangular2" (s halves every cycle) or "exp_range" (s = gamma^t). scale_fn: another s,
    of the cycle's number from 1, or of t with scale_mode="iterations"; it is no part of state_dict(). cycle_momentum:
    momentum (or the first beta) goes from max_momentum down to base_momentum as the rate goes up.
    Errors: ValueError for options out of range, and where momentum is to be cycled but the optimizer has none.
    Source: Smith, "Cyclical learning rates for training neural networks", WACV 2017.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = self._checked(optimizer)
        bases, self.max_lrs = self.each_group("base_lr", base_lr), self.each_group("max_lr", max_lr)
        self.up = check_range("CyclicLR", "step_size_up", step_size_up, 1, 2**31)
        down = step_size_up if step_size_down is None else step_size_down
        self.down = check_range("CyclicLR", "step_size_down", down, 1, 2**31)
        self.mode = check_choice("CyclicLR", "mode", mode, "triangular", "triangular2", "exp_range")
        self.gamma = check_range("CyclicLR", "gamma", gamma, 0)
        self.scale_fn = None if scale_fn is None else check_callable("CyclicLR", "scale_fn", scale_fn)
        self.scale_mode = check_choice("CyclicLR", "scale_mode", scale_mode, "cycle", "iterations")
        self.cycle_momentum = check_flag("CyclicLR", "cycle_momentum", cycle_momentum)
        self.base_momentums = self.each_group("base_momentum", base_momentum)
        self.max_momentums = self.each_group("max_momentum", max_momentum)
        last_epoch = check_integer("CyclicLR", "last_epoch", last_epoch, -1)
        groups = optimizer.param_groups
        if self.cycle_momentum and not all("momentum" in group or "betas" in group for group in groups):
            raise ValueError("CyclicLR: the optimizer has no momentum to cycle; set cycle_momentum=False")
        for group, base in zip(groups, bases, strict=True):
            if last_epoch == -1:
                group["lr"] = group["initial_lr"] = base
        super().__init__(optimizer, last_epoch)

    def _height(self) -> tuple[float, float]:
        """How far up, from 0 to 1, and the scale."""
        total = self.up + self.down
        cycle = math.floor(1 + self.last_epoch / total)
        place, top = 1.0 + self.last_epoch / total - cycle, self.up / total
        height = place / top if place <= top else (place - 1) / (top - 1)
        if self.scale_fn is not None:
            argument = cycle if self.scale_mode == "cycle" else self.last_epoch
            return height, check_number("CyclicLR", "what scale_fn returns", self.scale_fn(argument))
        halved = 1 / 2.0 ** (cycle - 1) if self.mode == "triangular2" else 1.0
        return height, self.gamma**self.last_epoch if self.mode == "exp_range" else halved

    def get_lr(self) -> list[float]:
        height, scale = self._height()
        pairs = zip(self.base_lrs, self.max_lrs, strict=True)
        return [base + (top - base) * height * scale for base, top in pairs]

    def step(self) -> None:
        super().step()
        if not self.cycle_momentum:
            return
        height, scale = self._height()
        for group, low, high in zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True):
            momentum = high - (high - low) * height * scale
            if "betas" in group:
                group["betas"] = (momentum, *group["betas"][1:])
            else:
                group["momentum"] = momentum

    def state_dict(self) -> dict[str, Any]:
        return {key: value for key, value in super().state_dict().items() if key != "scale_fn"}
