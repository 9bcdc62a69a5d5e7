"""WeightAveraging: train on, but validate and keep a moving average of the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..optim import EMA
from .callback import Callback

if TYPE_CHECKING:
    from .trainer import Trainer


class WeightAveraging(Callback):
    """Updates an EMA after every step; between epochs, and after training, its averages are in the model.

        Trainer(..., callbacks=[WeightAveraging(EMA(model.parameters(), 0.999)), EarlyStopping(), Checkpoint(path)])

    So validation judges the averages, EarlyStopping keeps the best of them, and a checkpoint holds them as the model,
    with the weights beside them. Put it before EarlyStopping. Buffers (running means of batch normalisation) are not
    averaged.
    """

    def __init__(self, ema: EMA) -> None:
        if not isinstance(ema, EMA):
            raise TypeError(f"WeightAveraging: ema must be an optim.EMA, not {type(ema).__name__}")
        self.ema = ema

    def on_epoch_begin(self, trainer: Trainer) -> None:
        if self.ema.weights is not None:
            self.ema.__exit__(None, None, None)

    def on_batch_end(self, trainer: Trainer, logs: dict[str, float]) -> None:
        self.ema.update()

    def on_train_end(self, trainer: Trainer) -> None:
        self.ema.__enter__()

    def on_fit_end(self, trainer: Trainer) -> None:
        if self.ema.weights is None and self.ema.n_averaged:  # interrupted in the middle of an epoch
            self.ema.__enter__()
        self.ema.weights = None

    def state_dict(self) -> dict[str, Any]:
        return {"ema": self.ema.state_dict(), "weights": self.ema.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.ema.load_state_dict(state["ema"])
        weights = state["weights"]
        if weights is not None and [each.shape for each in weights] != [each.shape for each in self.ema.averages]:
            raise ValueError("WeightAveraging: the state is of weights of other shapes")
        self.ema.weights = weights
