"""Arithmetic that overwrites its first tensor: x += y, x.mul_(y) and the like.

Where no gradient is being recorded, the result simply replaces the numbers. Where one is, x = x + y is recorded as
usual, and the tensor x then stands for its result: the numbers move into x's memory, and so does the history. The
version of that memory goes up, so an earlier operation whose gradient still needs the old numbers fails in backward()
instead of using the new ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import _compiled as tape
from . import ops
from .tensor import Tensor


def _in_place(operation: Any) -> Callable[[Tensor, Any], Tensor]:
    name = f"{operation.name}_"

    def method(tensor: Tensor, other: Any) -> Tensor:
        data = tensor.data
        if not data.flags.writeable:
            raise ValueError(f"{name}: the tensor's memory is read-only; change a clone() instead")
        recording = tape.is_grad_enabled() and (
            tensor.requires_grad or (isinstance(other, Tensor) and other.requires_grad)
        )
        if recording:
            _check_recorded(name, tensor, other)
        result = operation(tensor, other)
        if result.shape != data.shape:
            raise ValueError(f"{name}: the result has shape {result.shape} but the tensor has {data.shape}")
        if not np.can_cast(result.dtype, data.dtype, "same_kind"):
            raise TypeError(f"{name}: the result is {result.dtype}, which the tensor's dtype {data.dtype} cannot hold")
        data[...] = result.data
        tensor.bump_version()
        if recording:
            tensor.adopt_history(result)
        return tensor

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"{operation.name}, written into the tensor itself. See the top of pydl/inplace.py."
    return method


def _check_recorded(name: str, tensor: Tensor, other: Any) -> None:
    tensor.check_recorded_change(name)
    if isinstance(other, Tensor | np.ndarray) and other.dtype.kind == "f" and other.dtype != tensor.dtype:
        raise TypeError(f"{name}: other is {other.dtype} but the tensor is {tensor.dtype}; convert one of them")


add_ = _in_place(ops.add)
sub_ = _in_place(ops.sub)
mul_ = _in_place(ops.mul)
div_ = _in_place(ops.div)
