"""ProgressBar: how far training is, for a person who watches and for a log file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from .callback import Callback

if TYPE_CHECKING:
    from .trainer import Trainer


def format_figures(logs: dict[str, float]) -> str:
    """loss 0.0812  val_accuracy 0.985"""
    return "  ".join(f"{name} {value:.4g}" for name, value in logs.items())


class ProgressBar(Callback):
    """A bar over the batches of all epochs (with tqdm, on a terminal or in a notebook), and one line for each epoch.

    Without tqdm, or where the output is a file or a pipe, there is no bar and the lines remain.
    """

    def __init__(self, file: Any = None) -> None:
        self._file = file
        self._bar: Any = None

    def on_fit_begin(self, trainer: Trainer) -> None:
        self._bar = None
        stream = self._file or sys.stderr
        if not (hasattr(stream, "isatty") and stream.isatty()) and "ipykernel" not in sys.modules:
            return
        try:
            from tqdm.auto import tqdm
        except ImportError:
            return
        done = (trainer.epoch * trainer.batches, trainer.epochs * trainer.batches)
        self._bar = tqdm(initial=done[0], total=done[1], unit="batch", leave=False, file=stream, dynamic_ncols=True)

    def on_batch_end(self, trainer: Trainer, logs: dict[str, float]) -> None:
        if self._bar is not None:
            self._bar.set_description(f"epoch {trainer.epoch}/{trainer.epochs}", refresh=False)
            self._bar.set_postfix_str(format_figures(logs), refresh=False)
            self._bar.update()

    def on_epoch_end(self, trainer: Trainer, logs: dict[str, float]) -> None:
        trainer.say(f"epoch {trainer.epoch:>{len(str(trainer.epochs))}}/{trainer.epochs}  {format_figures(logs)}")

    def on_fit_end(self, trainer: Trainer) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def say(self, line: str) -> None:
        """Prints a line without tearing the bar."""
        if self._bar is not None:
            self._bar.write(line, file=self._file or sys.stdout)
        else:
            print(line, file=self._file or sys.stdout, flush=True)
