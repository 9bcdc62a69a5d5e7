"""The figures of a training as files that other programs read: CSV, JSON and TensorBoard's event files."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from typing import TYPE_CHECKING, Any

from ..arguments import check_path
from ..replacing import replacing
from .callback import Callback

if TYPE_CHECKING:
    from .trainer import Trainer


class CSVLogger(Callback):
    """Writes a table of all epochs to `path` after each of them, whole or not at all: epoch, and a column a figure.

    After resuming, the table has the earlier epochs, too.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = check_path(type(self).__name__, "path", path)

    def on_epoch_end(self, trainer: Trainer, logs: dict[str, float]) -> None:
        epochs = [{"epoch": i + 1, **each} for i, each in enumerate(trainer.history.epochs)]
        with replacing(self.path) as file:
            file.write(self.text(epochs).encode())

    def text(self, epochs: list[dict[str, Any]]) -> str:
        """What the file holds."""
        lines = io.StringIO()
        writer = csv.DictWriter(
            lines, list(dict.fromkeys(name for each in epochs for name in each)), lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(epochs)
        return lines.getvalue()


class JSONLogger(CSVLogger):
    """The same as a JSON list with an object an epoch; a figure that is not finite is null."""

    def text(self, epochs: list[dict[str, Any]]) -> str:
        """What the file holds."""
        plain = [{name: each if math.isfinite(each) else None for name, each in row.items()} for row in epochs]
        return json.dumps(plain, indent=1) + "\n"


class TensorBoard(Callback):
    """Writes the figures of every epoch, and the learning rate, to event files in `folder`.

    loss and val_loss stand under "loss/train" and "loss/validation", so that TensorBoard shows them side by side.
    Needs tensorboardX: pip install 'pydl-cpu[tensorboard]'; then run tensorboard --logdir FOLDER.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = check_path("TensorBoard", "folder", folder)
        try:
            from tensorboardX import SummaryWriter
        except ImportError:
            raise ImportError("TensorBoard needs tensorboardX: pip install 'pydl-cpu[tensorboard]'") from None
        self._open: Any = SummaryWriter
        self._writer: Any = None

    def on_fit_begin(self, trainer: Trainer) -> None:
        # What an interrupted training wrote beyond its checkpoint does not count.
        self._writer = self._open(self.folder, purge_step=trainer.epoch + 1 if trainer.epoch else None)

    def on_epoch_end(self, trainer: Trainer, logs: dict[str, float]) -> None:
        for name, value in logs.items():
            part, _, figure = name.partition("_")
            known = {"val": "validation", "train": "train, evaluated"}
            tag = f"{figure}/{known[part]}" if part in known else f"{name}/train"
            self._writer.add_scalar(tag, value, trainer.epoch)
        self._writer.add_scalar("learning rate", trainer.optimizer.param_groups[0]["lr"], trainer.epoch)
        self._writer.flush()

    def on_fit_end(self, trainer: Trainer) -> None:
        self._writer.close()
