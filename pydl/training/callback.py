"""Callback: code that a Trainer runs at fixed moments of training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .trainer import Trainer


class Callback:
    """Subclasses override the moments they need. `trainer.stop = True` ends training after the current epoch.

    state_dict/load_state_dict: plain numbers, strings, lists, dicts and arrays that a checkpoint keeps, so that a
    resumed training goes on as if it had never stopped.
    """

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Before the first epoch (of this run: after resuming, too)."""

    def on_epoch_begin(self, trainer: Trainer) -> None:
        """Before the first batch of an epoch."""

    def on_before_step(self, trainer: Trainer) -> None:
        """Between the gradients and the optimizer's step; trainer.batch is (inputs, targets) that they came from."""

    def on_batch_end(self, trainer: Trainer, logs: dict[str, float]) -> None:
        """After each optimizer step; logs holds the running means of this epoch."""

    def on_train_end(self, trainer: Trainer) -> None:
        """After the last step of an epoch, before validation."""

    def on_epoch_end(self, trainer: Trainer, logs: dict[str, float]) -> None:
        """After validation; logs holds the epoch's figures."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """After the last epoch, also when training was interrupted."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint has to keep of this callback."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Puts back what state_dict() gave."""
