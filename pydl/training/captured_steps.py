"""The steps of a Trainer as recordings that are replayed: pydl.capture_step, where it cannot change a bit.

A recording is made when a batch of these shapes comes for the third time. So the smaller last batch of an epoch,
sequences of every length and short trainings stay with the step by hand, whose results are the same; as do batches
whose inputs come by name, and several batches for one step.

Trainer(capture="auto") captures networks that are made of the layers named below, with the losses named below: nothing
in them depends on values, draws other random numbers or keeps something aside that a callback could look at. What a
module of one's own does is only known to who wrote it: capture=True. Where a step keeps megabytes, "auto" saves the
memory of a recording instead of the few percent of time.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import op
from .._compiled import arrays_of_forms
from .._native import arena_stats
from ..arguments import Array
from ..nn import Module
from ..optim import l1_penalty
from ..random import get_rng_state, set_rng_state
from ..recording.recorded_step import CapturedStep, Recording
from ..recording.replay import as_array, key_of
from ..tensor import Tensor, enable_grad

if TYPE_CHECKING:
    from .trainer import Trainer

SEEN = 3  # times that a batch of some shapes comes before its step is recorded
MOST = 4  # recordings, each of which keeps the memory of a step
WORTH = 100  # steps of a training that repay a recording
LARGE = 8_000_000  # bytes
FREE, REPAID = 3, 20  # so many recordings are made in any case, others only for each so many steps replayed

# Files of pydl.nn. Loss layers have the names of their functions, in another spelling.
LAYERS = {
    "activations", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "avg_pool1d", "avg_pool2d", "avg_pool3d", "batch_norm", "containers", "conv1d", "conv2d", "conv3d",
    "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "dropout", "embedding", "flatten", "group_norm",
    "identity", "layer_norm", "linear", "losses", "max_pool1d", "max_pool2d", "max_pool3d", "residual", "rms_norm",
}  # fmt: skip
LOSSES = {
    "binary_cross_entropy_with_logits", "cross_entropy", "huber_loss", "l1_loss", "mse_loss", "nll_loss",
    "smooth_l1_loss", "BCEWithLogitsLoss", "CrossEntropyLoss", "HuberLoss", "L1Loss", "MSELoss", "NLLLoss",
    "SmoothL1Loss",
}  # fmt: skip


def captured_steps(trainer: Trainer) -> CapturedSteps | None:
    """For one fit(); None where every step is to be made by hand."""
    if trainer.capture is False or trainer.accumulate > 1 or op.get_backend() != "native":
        return None
    if (trainer.epochs - trainer.epoch) * trainer.batches < WORTH:
        return None
    known = trainer.capture is True or (_is_known(trainer.loss) and all(map(_is_layer, trainer.model.modules())))
    return CapturedSteps(trainer) if known else None


def _is_layer(module: Any) -> bool:
    package, _, name = type(module).__module__.rpartition(".")
    return package == "pydl.nn" and name in LAYERS and "forward" not in vars(module)


def _is_known(loss: Any) -> bool:
    """Whether it is one of LOSSES, as function, layer, or partial function with settings that are plain values."""
    if isinstance(loss, partial):
        plain = all(each is None or isinstance(each, int | float | str) for each in loss.keywords.values())
        return plain and not loss.args and _is_known(loss.func)
    if isinstance(loss, Module):
        return _is_layer(loss) and type(loss).__name__ in LOSSES
    return str(getattr(loss, "__module__", "")).startswith("pydl.") and getattr(loss, "__name__", "") in LOSSES


class CapturedSteps(CapturedStep):
    """The gradients of a batch, replayed where that is possible."""

    def __init__(self, trainer: Trainer) -> None:
        super().__init__(trainer.model, trainer.loss, trainer.optimizer, None, 1)
        self._trainer = trainer
        self._must = trainer.capture is True
        self._counts: dict[Any, int] = {}
        self._kinds: tuple[Any, ...] = ()  # of the parts of a batch
        self._replayed = self._recorded = 0
        self._failed = False
        # Somebody else's callback may keep the gradients that it sees.
        self._looked_at = any(not type(each).__module__.startswith("pydl.") for each in trainer.callbacks)

    def loss_of(self, inputs: Any, targets: Any) -> Tensor | None:
        """The loss of a batch, whose gradients are where they belong; None where the step is to be made by hand."""
        trainer = self._trainer
        mine = trainer.model is self._model and trainer.loss is self._loss and trainer.optimizer is self._optimizer
        if self._failed or not mine or type(inputs) is not tuple:
            return None
        batch = (*inputs, *targets) if type(targets) is tuple else (*inputs, targets)
        kinds = (len(inputs), type(targets) is tuple, *map(type, batch))
        recording = self._latest
        arrays = arrays_of_forms(batch, recording.forms) if recording is not None and kinds == self._kinds else None
        if recording is None or arrays is None or not recording.is_valid(self._variant()):
            if not all(map(_is_plain, batch)):
                return None
            arrays = [as_array("capture_step", each) for each in batch]
            recording = self._recording_for(kinds, arrays)
            if recording is None:
                return None
        self._replayed += 1
        loss = self._run(recording, arrays)
        if self._looked_at:
            recording.give_gradients_away()
        return loss

    def _recording_for(self, kinds: tuple[Any, ...], arrays: list[Array]) -> Any:
        """One that is there, or a new one if that is worth it; None where there is none."""
        key, variant = (kinds, key_of(arrays)), self._variant()
        recording = self._recordings.get(key)
        if recording is None or not recording.is_valid(variant):
            self._counts[key] = self._counts.get(key, 0) + 1
            is_full = recording is None and len(self._recordings) >= MOST
            if self._counts[key] < SEEN or is_full or self._recorded >= FREE + self._replayed // REPAID:
                return None
            self._kinds, self._recorded = kinds, self._recorded + 1
            try:
                state = self._state()
                self._failed = not self._must and self._is_large(state, arrays)
                recording = None if self._failed else Recording(self._compute, state, variant, arrays)
            except Exception as error:  # what is wrong with the step itself, it says when it is made by hand
                self._failed, recording = True, None
                if self._must and isinstance(error, RuntimeError):
                    raise
            if recording is None:
                return None
            self._recordings[key] = recording
        self._latest, self._kinds = recording, kinds
        return recording

    def _is_large(self, state: Any, arrays: list[Array]) -> bool:
        """Whether a step keeps so much for its gradients that a recording would cost memory and save little time."""
        buffers, generator, before = state.numbers(), get_rng_state(), arena_stats()["bytes_in_use"]
        try:
            with enable_grad():
                loss = self._loss_of([Tensor(each) if each.dtype.kind == "f" else each for each in arrays])
                return loss.requires_grad and arena_stats()["bytes_in_use"] - before > LARGE
        finally:
            state.put(buffers)
            set_rng_state(generator)

    def _variant(self) -> Any:
        return (*super()._variant(), self._trainer.l1)

    def _penalized(self, loss: Tensor) -> Tensor:
        l1 = self._trainer.l1
        return loss + l1_penalty(self._trainer.weights(), l1) if l1 else loss

    def _loss_of(self, batch: list[Any]) -> Tensor:
        """With the parts of the batch as the Trainer would give them."""
        count, several, *types = self._kinds
        parts = [
            (each.data if isinstance(each, Tensor) and not issubclass(kind, Tensor) else each)
            for each, kind in zip(batch, types, strict=True)
        ]
        loss: Tensor = self._loss(self._model(*parts[:count]), tuple(parts[count:]) if several else parts[count])
        check_loss(loss)
        return loss


def check_loss(loss: Any, method: str = "fit") -> None:
    """Refuses what is no Tensor of one number."""
    if not isinstance(loss, Tensor):
        raise TypeError(f"{method}: the loss must return a Tensor of one number, not {type(loss).__name__}")
    if loss.data.size != 1:
        raise ValueError(f"{method}: the loss must return one number, the mean over the batch, but gave {loss.shape}")


def _is_plain(part: Any) -> bool:
    """Whether it is an array of numbers, or a tensor of floating-point numbers that needs no gradient."""
    if isinstance(part, Tensor):
        return part.data.dtype.kind == "f" and not part.requires_grad
    return isinstance(part, np.ndarray) and part.dtype.kind in "fiu"
