"""History: the figures of every epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .callback import Callback

if TYPE_CHECKING:
    from .trainer import Trainer


def figure(user: str, name: str, logs: dict[str, float]) -> float:
    """The figure of that name that a callback watches."""
    if name not in logs:
        raise ValueError(
            f"{user}: there is no figure {name!r} to monitor; this training has {', '.join(logs)} "
            f"(is there validation data?)"
        )
    return logs[name]


class History(Callback):
    """history.epochs is a list with one dict of figures an epoch; history["loss"] the list of one figure."""

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []

    def __getitem__(self, name: str) -> list[float]:
        if not any(name in epoch for epoch in self.epochs):
            known = sorted({key for epoch in self.epochs for key in epoch})
            raise KeyError(f"History: there is no figure {name!r}; there are {', '.join(known) or 'none yet'}")
        return [epoch[name] for epoch in self.epochs if name in epoch]

    def on_epoch_end(self, trainer: Trainer, logs: dict[str, float]) -> None:
        self.epochs.append(dict(logs))

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": [dict(epoch) for epoch in self.epochs]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epochs = [dict(epoch) for epoch in state["epochs"]]
