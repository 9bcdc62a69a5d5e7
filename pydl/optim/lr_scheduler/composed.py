"""Schedules made of others: one after another, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from ...arguments import check_integer, check_list
from ..optimizer import Optimizer
from .scheduler import LRScheduler


def _check_schedulers(name: str, schedulers: Any, optimizer: Any) -> list[LRScheduler]:
    parts = check_list(name, "schedulers", schedulers, "a list of schedulers")
    if not parts:
        raise ValueError(f"{name}: schedulers is empty, but one or more are needed")
    for i, each in enumerate(parts):
        if not isinstance(each, LRScheduler):
            raise TypeError(f"{name}: schedulers[{i}] must be an LRScheduler, not {type(each).__name__}")
        if each.optimizer is not (parts[0].optimizer if optimizer is None else optimizer):
            raise ValueError(f"{name}: schedulers[{i}] is of another optimizer; all must be of one")
    return parts


class _Composed(LRScheduler):
    """What both have in common: their state is the parts' states."""

    parts: list[LRScheduler]

    def state_dict(self) -> dict[str, Any]:
        own = {key: value for key, value in super().state_dict().items() if key != "parts"}
        return {**own, "schedulers": [each.state_dict() for each in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        name, states = type(self).__name__, state_dict.get("schedulers")
        if not isinstance(states, list) or len(states) != len(self.parts):
            raise ValueError(f"{name}: the state must have the states of {len(self.parts)} schedulers")
        super().load_state_dict({key: value for key, value in state_dict.items() if key != "schedulers"})
        for part, state in zip(self.parts, states, strict=True):
            part.load_state_dict(state)


class SequentialLR(_Composed):
    """schedulers[0] until the step milestones[0], then schedulers[1] from its own beginning, and so on.

    Errors: ValueError where there is not one milestone between every two schedulers, or they have several optimizers.
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: list[LRScheduler], milestones: list[int], last_epoch: int = -1
    ) -> None:
        self.optimizer = self._checked(optimizer)
        self.parts = _check_schedulers("SequentialLR", schedulers, optimizer)
        steps = check_list("SequentialLR", "milestones", milestones, "a list of steps")
        self.milestones = [check_integer("SequentialLR", "each milestone", each, 0) for each in steps]
        if len(steps) != len(self.parts) - 1 or self.milestones != sorted(self.milestones):
            raise ValueError(
                f"SequentialLR: milestones must be {len(self.parts) - 1} rising steps, one between every two of the "
                f"schedulers, not {self.milestones}"
            )
        self.last_epoch = check_integer("SequentialLR", "last_epoch", last_epoch, -1) + 1
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        # The others have made their first step, too; it is the first schedule's that counts.
        for group, base in zip(optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = base
        self._begin(self.parts[0])

    def _begin(self, part: LRScheduler) -> None:
        part.last_epoch = -1
        part.step()
        self._last_lr = part.get_last_lr()

    def get_lr(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def step(self) -> None:
        """Sets the next learning rate. Call it after optimizer.step()."""
        self.last_epoch += 1
        place = bisect_right(self.milestones, self.last_epoch)
        part = self.parts[place]
        if place > 0 and self.milestones[place - 1] == self.last_epoch:
            self._begin(part)
        else:
            part.step()
            self._last_lr = part.get_last_lr()


class ChainedScheduler(_Composed):
    """All schedulers at once: the learning rate is base_lr times what each of them makes of it.

    The parts must be ones whose rate is a multiple of base_lr: all but CyclicLR, OneCycleLR and those with an eta_min.
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self.parts = _check_schedulers("ChainedScheduler", schedulers, optimizer)
        self.optimizer = self.parts[0].optimizer
        self.base_lrs = [group["initial_lr"] for group in self.optimizer.param_groups]
        self.last_epoch = 0
        self._set()

    def _set(self) -> None:
        self._last_lr = self.get_lr()
        for group, lr in zip(self.optimizer.param_groups, self._last_lr, strict=True):
            group["lr"] = lr

    def get_lr(self) -> list[float]:
        rates = list(self.base_lrs)
        for part in self.parts:
            for i, (base, now) in enumerate(zip(part.base_lrs, part.get_last_lr(), strict=True)):
                rates[i] *= now / base if base else 0.0
        return rates

    def step(self) -> None:
        """Sets the next learning rate. Call it after optimizer.step()."""
        self.last_epoch += 1
        for part in self.parts:
            part.step()
        self._set()
