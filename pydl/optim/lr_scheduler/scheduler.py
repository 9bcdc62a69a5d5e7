"""LRScheduler: what all schedules share."""

from __future__ import annotations

from typing import Any

from ...arguments import check_integer, check_range, show
from ..optimizer import Optimizer


class LRScheduler:
    """The base class. A subclass says in get_lr() what the learning rate of each group is at step self.last_epoch.

    The first value is set when the scheduler is made, the next one by each step(). last_epoch: the number of the last
    step that was made, to go on from there; -1 starts anew.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = self._checked(optimizer)
        last_epoch = check_integer(type(self).__name__, "last_epoch", last_epoch, -1)
        for group in optimizer.param_groups:
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])  # of the first of several schedulers
            elif "initial_lr" not in group:
                raise ValueError(
                    f"{type(self).__name__}: last_epoch is {last_epoch}, but the groups have no initial_lr"
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self.step()

    def _checked(self, optimizer: Any) -> Optimizer:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__}: optimizer must be an Optimizer, not {type(optimizer).__name__}")
        return optimizer

    def get_lr(self) -> list[float]:
        """The learning rate of each group at step self.last_epoch."""
        raise NotImplementedError(f"{type(self).__name__} must say what the learning rate is")

    def get_last_lr(self) -> list[float]:
        """The learning rate of each group, as it was set last."""
        return list(self._last_lr)

    def each_group(self, argument: str, value: Any, low: float = 0.0) -> list[float]:
        """`value`, a number for all groups or a list of one for each, as a list of numbers of at least `low`."""
        name, count = type(self).__name__, len(self.optimizer.param_groups)
        if not isinstance(value, list | tuple):
            return [check_range(name, argument, value, low)] * count
        if len(value) != count:
            raise ValueError(f"{name}: {argument} has {len(value)} values, but the optimizer has {count} groups")
        return [check_range(name, argument, each, low) for each in value]

    def step(self) -> None:
        """Sets the next learning rate. Call it after optimizer.step()."""
        self.last_epoch += 1
        self._last_lr = self.get_lr()
        for group, lr in zip(self.optimizer.param_groups, self._last_lr, strict=True):
            group["lr"] = lr

    def state_dict(self) -> dict[str, Any]:
        """All settings and counts: numbers, words and lists of numbers."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over what state_dict() gave. The groups' learning rates are part of the optimizer's state."""
        unknown = sorted(set(state_dict) - set(self.__dict__))
        if unknown:
            raise ValueError(f"{type(self).__name__}: the state has entries that do not belong: {', '.join(unknown)}")
        for key, value in state_dict.items():
            if _form(value) != _form(self.__dict__[key]):
                raise ValueError(
                    f"{type(self).__name__}: the state has {key} {show(value)}, which is no {show(self.__dict__[key])}"
                )
        self.__dict__.update(state_dict)


def _form(value: Any) -> Any:
    """What kind of value it is, and of lists how many they are of what: a state can only be replaced by its like."""
    if isinstance(value, list | tuple):
        return [_form(each) for each in value]
    return "number" if isinstance(value, int | float) else type(value)
