"""LRSchedule: a learning-rate schedule as part of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..arguments import check_choice
from ..optim.lr_scheduler import ReduceLROnPlateau
from .callback import Callback
from .history import figure

if TYPE_CHECKING:
    from .trainer import Trainer


class LRSchedule(Callback):
    """Steps a scheduler of pydl.optim.lr_scheduler after every "batch" or every "epoch".

    monitor: the figure that a ReduceLROnPlateau is given.
    """

    def __init__(self, scheduler: Any, every: str = "epoch", monitor: str = "val_loss") -> None:
        if not hasattr(scheduler, "step"):
            raise TypeError(f"LRSchedule: scheduler must be one of optim.lr_scheduler, not {type(scheduler).__name__}")
        self.scheduler = scheduler
        self.every = check_choice("LRSchedule", "every", every, "batch", "epoch")
        if not isinstance(monitor, str):
            raise TypeError(f"LRSchedule: monitor must be the name of a figure, not {type(monitor).__name__}")
        self.monitor = monitor

    def on_batch_end(self, trainer: Trainer, logs: dict[str, float]) -> None:
        if self.every == "batch":
            self._step(logs)

    def on_epoch_end(self, trainer: Trainer, logs: dict[str, float]) -> None:
        if self.every == "epoch":
            self._step(logs)

    def _step(self, logs: dict[str, float]) -> None:
        if isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step(figure("LRSchedule", self.monitor, logs))
        else:
            self.scheduler.step()

    def state_dict(self) -> dict[str, Any]:
        return {"scheduler": self.scheduler.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.scheduler.load_state_dict(state["scheduler"])
