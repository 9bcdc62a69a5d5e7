"""masked_fill: one number where a mask is True; masked_select: the elements where it is.

    masked_fill     y = value where mask, else x
    masked_select   y = x[mask], a vector

Shapes    mask broadcasts with x
Gradient  that of where and of indexing, which they are made of
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Array, check_array, check_fill
from ..tensor import Tensor, as_tensor
from .broadcasting import broadcast_shape
from .clone import to
from .getitem import getitem
from .where import where


def check_mask(name: str, mask: Any) -> Array:
    array = check_array(name, "mask", mask.data if isinstance(mask, Tensor) else mask)
    if array.dtype.kind != "b":
        raise TypeError(f"{name}: mask has dtype {array.dtype} but must be bool; compare it with something")
    return array


def masked_fill(input: Any, mask: Any, value: Any) -> Tensor:
    """input with `value`, one number, where mask is True."""
    x, chosen = as_tensor("masked_fill", input), check_mask("masked_fill", mask)
    broadcast_shape("masked_fill", x.data, chosen)
    if isinstance(value, Tensor):
        if value.ndim:
            raise ValueError(f"masked_fill: value must be one number, but has shape {value.shape}")
        return where(chosen, to(value, x.dtype), x)
    return where(chosen, np.asarray(check_fill("masked_fill", "value", value, x.dtype), x.dtype), x)


def masked_select(input: Any, mask: Any) -> Tensor:
    """The elements of input where mask is True, as a vector."""
    x, chosen = as_tensor("masked_select", input), check_mask("masked_select", mask)
    shape = broadcast_shape("masked_select", x.data, chosen)
    return getitem(x if x.shape == shape else x.expand(shape), np.broadcast_to(chosen, shape))
