"""A checkpoint of the right format with other things in it: resuming works, or says in one sentence what is wrong."""

import copy
import json

import numpy as np
import pytest

import pydl
from pydl import nn, optim
from pydl.training import Checkpoint, EarlyStopping, LRSchedule, read_checkpoint

X, Y = np.ones((4, 3), np.float32), np.ones((4, 2), np.float32)
ANYTHING = [None, -1, 3.5, "x", [], {}, {"dict": []}, {"array": True}, 10**30, [[1, 2, 3]], {"dict": [[["a"], 1]]}]
ERRORS = (ValueError, TypeError, FloatingPointError)


def trainer(path):
    model = nn.Linear(3, 2)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    schedule = LRSchedule(optim.lr_scheduler.StepLR(optimizer, 2))
    callbacks = [schedule, EarlyStopping("loss"), Checkpoint(path, facts={"a": 1})]
    return pydl.Trainer(model, nn.functional.mse_loss, optimizer, callbacks=callbacks, progress=False)


def places(state, place=()):
    """Where something is in nested lists and dicts."""
    items = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, list) else ()
    for key, value in items:
        yield (*place, key)
        yield from places(value, (*place, key))


def test_damaged_checkpoints(tmp_path):
    path = tmp_path / "whole"
    pydl.manual_seed(0)
    trainer(path).fit((X, Y), epochs=1)
    arrays, plain = pydl.load(path), json.loads(pydl.load_metadata(path)["pydl"])
    everywhere = list(places(plain))
    chosen = np.random.default_rng(0)
    for place in [everywhere[k] for k in chosen.permutation(len(everywhere))[:120]]:
        damaged = copy.deepcopy(plain)
        inside = damaged
        for key in place[:-1]:
            inside = inside[key]
        value = ANYTHING[chosen.integers(len(ANYTHING))]
        inside[place[-1]] = value
        pydl.save(arrays, tmp_path / "damaged", metadata={"pydl": json.dumps(damaged)})
        try:
            trainer(tmp_path / "other").fit((X, Y), epochs=2, resume=tmp_path / "damaged")
        except ERRORS as error:
            refusal = error
        else:
            continue
        assert str(refusal).startswith(("resume: ", str(tmp_path), "adam_update: ", "load_state_dict: ", "fit: ")), (
            f"{place} = {value!r}: {refusal!r}"
        )
        assert "\n" not in str(refusal)


@pytest.mark.parametrize("part", ["facts", "epoch", "stop", "random", "model", "optimizer", "callbacks", "format"])
def test_a_part_is_missing(tmp_path, part):
    path = tmp_path / "whole"
    trainer(path).fit((X, Y), epochs=1)
    plain = json.loads(pydl.load_metadata(path)["pydl"])
    plain["dict"] = [each for each in plain["dict"] if each[0] != part]
    pydl.save(pydl.load(path), path, metadata={"pydl": json.dumps(plain)})
    with pytest.raises(ValueError, match="is a safetensors file, but not a checkpoint of a training"):
        read_checkpoint(path)
