"""EarlyStopping: keep the weights that did best on validation data, and stop when nothing gets better.

Source: Prechelt, "Early stopping - but when?", Neural Networks: Tricks of the Trade, 1998.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..arguments import check_choice, check_flag, check_integer, check_number
from .callback import Callback
from .history import figure

if TYPE_CHECKING:
    from .trainer import Trainer


class EarlyStopping(Callback):
    """Stops after `patience` epochs without an improvement of the figure `monitor`.

    mode          "min" or "max"; by default "max" for figures named like an accuracy, else "min"
    min_delta     smaller improvements do not count
    restore_best  the model ends on the weights of the best epoch, whether training was stopped early or not

    best and best_epoch (counted from 1) say how good it was and when.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 10,
        min_delta: float = 0.0,
        mode: str | None = None,
        restore_best: bool = True,
    ) -> None:
        if not isinstance(monitor, str):
            raise TypeError(f"EarlyStopping: monitor must be the name of a figure, not {type(monitor).__name__}")
        if mode is not None:
            check_choice("EarlyStopping", "mode", mode, "min", "max")
        higher = any(word in monitor for word in ("accuracy", "auc", "f1", "precision", "recall", "r2"))
        self.monitor = monitor
        self.patience = check_integer("EarlyStopping", "patience", patience, 1)
        self.min_delta = check_number("EarlyStopping", "min_delta", min_delta)
        self.mode = mode or ("max" if higher else "min")
        self.restore_best = check_flag("EarlyStopping", "restore_best", restore_best)
        self.best = math.nan
        self.best_epoch = 0
        self._weights: dict[str, Any] = {}

    def on_epoch_end(self, trainer: Trainer, logs: dict[str, float]) -> None:
        value = figure("EarlyStopping", self.monitor, logs)
        gain = (self.best - value) if self.mode == "min" else (value - self.best)
        if self.best_epoch == 0 or math.isnan(self.best) or gain > self.min_delta:
            self.best, self.best_epoch = value, trainer.epoch
            if self.restore_best:
                self._weights = {name: each.data.copy() for name, each in trainer.model.state_dict().items()}
        elif trainer.epoch - self.best_epoch >= self.patience:
            trainer.stop = True

    def on_fit_end(self, trainer: Trainer) -> None:
        if self.restore_best and self._weights:
            trainer.model.load_state_dict(self._weights)
            trainer.say(f"Weights of epoch {self.best_epoch} restored: {self.monitor} {self.best:.4g} was the best.")

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "best_epoch": self.best_epoch, "weights": self._weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best = check_number("resume", "EarlyStopping's best figure", state["best"])
        self.best_epoch = check_integer("resume", "EarlyStopping's best epoch", state["best_epoch"], 0)
        self._weights = state["weights"]
