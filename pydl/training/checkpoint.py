"""Checkpoint: all that a training needs to go on later as if it had never stopped.

One safetensors file holds the weights, the optimizer's state, the state of the random generator and of every
callback. Arrays are stored as tensors; everything else is one JSON text in the file's metadata. No pickle, so loading
a checkpoint runs no code from it.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import random
from ..arguments import check_flag, check_integer, check_path, show
from ..serialization import load, load_metadata, save
from ..tensor import Tensor
from .callback import Callback

if TYPE_CHECKING:
    from .trainer import Trainer

FORMAT = 1
PARTS = {"facts": dict, "epoch": int, "stop": bool, "random": dict, "model": dict, "optimizer": dict, "callbacks": list}

# What Python says when a file holds other things than it should.
FAULTS = (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError, OverflowError)


class Checkpoint(Callback):
    """Writes the training's state to `path` after every epoch (or every `every` epochs), whole or not at all.

    Put it last in the list of callbacks, so that it sees what the others did with the epoch. facts: what else the file
    should say of itself, plain JSON (the settings of the run, say).
    """

    def __init__(self, path: str | os.PathLike[str], every: int = 1, facts: dict[str, Any] | None = None) -> None:
        self.path = check_path("Checkpoint", "path", path)
        self.every = check_integer("Checkpoint", "every", every, 1)
        if facts is not None and not isinstance(facts, dict):
            raise TypeError(f"Checkpoint: facts must be a dict, not {type(facts).__name__}")
        self.facts = facts or {}

    def on_epoch_end(self, trainer: Trainer, logs: dict[str, float]) -> None:
        if trainer.epoch % self.every == 0 or trainer.epoch == trainer.epochs or trainer.stop:
            save_checkpoint(trainer, self.path, self.facts)


def save_checkpoint(trainer: Trainer, path: str, facts: dict[str, Any]) -> None:
    """Writes the state of a training."""
    state = {
        "format": FORMAT,
        "facts": facts,
        "epoch": trainer.epoch,
        "stop": trainer.stop,
        "random": random.get_rng_state(),
        "model": {name: each.data for name, each in trainer.model.state_dict().items()},
        "optimizer": trainer.optimizer.state_dict(),
        "callbacks": [callback.state_dict() for callback in trainer.callbacks],
    }
    arrays: dict[str, Any] = {}
    plain = separate(state, "", arrays)
    save(arrays, path, metadata={"pydl": json.dumps(plain, sort_keys=True)})


def load_checkpoint(trainer: Trainer, path: str) -> None:
    """Puts a training back where the checkpoint was written. The trainer must be made in the same way as then."""
    state = read_checkpoint(path)
    if len(state["callbacks"]) != len(trainer.callbacks):
        raise ValueError(
            f"resume: {path} was written by a training with {len(state['callbacks'])} callbacks, "
            f"this one has {len(trainer.callbacks)}"
        )
    try:
        trainer.model.load_state_dict(state["model"])
        trainer.optimizer.load_state_dict(state["optimizer"])
        for callback, own in zip(trainer.callbacks, state["callbacks"], strict=True):
            callback.load_state_dict(own)
        trainer.epoch = check_integer("checkpoint", "epoch", state["epoch"], 0)
        trainer.stop = check_flag("checkpoint", "stop", state["stop"])
        random.set_rng_state(state["random"])
    except FAULTS as error:  # whatever is in the file
        raise ValueError(f"resume: {path} does not fit this training ({error})") from None


def read_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The state in a checkpoint file as nested dicts and lists of numbers and arrays.

    Errors: FileNotFoundError; ValueError for a file that is truncated or was not written by a Checkpoint.
    """
    arrays = {name: each.data for name, each in load(path).items()}
    try:
        plain = json.loads(load_metadata(path)["pydl"])
        state: dict[str, Any] = unite(plain, "", arrays)
        found = state["format"]
        if found == FORMAT:
            for key, kind in PARTS.items():
                if not isinstance(state[key], kind):
                    raise TypeError(key)
    except FAULTS:
        raise ValueError(f"{os.fspath(path)}: is a safetensors file, but not a checkpoint of a training") from None
    if found != FORMAT:
        raise ValueError(f"{os.fspath(path)}: has checkpoint format {show(found)}, this version reads {FORMAT}")
    return state


# An array in the state is replaced by this mark in the JSON text and stored under its place in the state.
_ARRAY = {"array": True}


def separate(state: Any, place: str, arrays: dict[str, Any]) -> Any:
    """Moves the arrays out of a nested state; what is left is plain JSON."""
    if isinstance(state, Tensor):
        state = state.data
    if isinstance(state, np.ndarray):
        arrays[place] = state
        return _ARRAY
    if isinstance(state, dict):
        # As pairs, because JSON would turn the integers that number an optimizer's parameters into text.
        return {"dict": [[key, separate(value, f"{place}/{key}", arrays)] for key, value in state.items()]}
    if isinstance(state, list | tuple):
        return [separate(value, f"{place}/{i}", arrays) for i, value in enumerate(state)]
    return state.item() if isinstance(state, np.generic) else state


def unite(plain: Any, place: str, arrays: dict[str, Any]) -> Any:
    """The inverse of separate()."""
    if isinstance(plain, list):
        return [unite(value, f"{place}/{i}", arrays) for i, value in enumerate(plain)]
    if isinstance(plain, dict):
        if "dict" in plain:
            return {key: unite(value, f"{place}/{key}", arrays) for key, value in plain["dict"]}
        return arrays[place]
    return plain
