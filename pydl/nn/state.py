"""Compares a state that is to be loaded with the module that it is for, before anything is changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..arguments import Array, check_array
from ..tensor import Tensor


def check_state(
    module: str, own: dict[str, Tensor], state: Mapping[str, Any], strict: bool
) -> tuple[dict[str, Array], list[str], list[str]]:
    """The arrays to be copied, the names that are missing and those that are unexpected.

    Errors: RuntimeError that lists all that does not fit, TypeError for values that are no arrays of numbers.
    """
    if not isinstance(state, Mapping):
        raise TypeError(f"load_state_dict: state_dict must be a dict of arrays, not {type(state).__name__}")
    missing = [name for name in own if name not in state]
    unexpected = [name for name in state if name not in own]
    problems = []
    if strict and missing:
        problems.append(f"missing: {', '.join(missing)}")
    if strict and unexpected:
        problems.append(f"unexpected: {', '.join(map(str, unexpected))}")
    arrays = {}
    for name, tensor in own.items():
        if name in state:
            value = state[name]
            arrays[name] = check_array("load_state_dict", name, value.data if isinstance(value, Tensor) else value)
            if arrays[name].shape != tensor.shape:
                problems.append(f"{name} has shape {arrays[name].shape} but the module's has {tensor.shape}")
            elif not tensor.data.flags.writeable:
                problems.append(f"{name} of the module is read-only")
    if problems:
        raise RuntimeError(f"load_state_dict: the state does not fit {module}: {'; '.join(problems)}")
    return arrays, missing, unexpected
