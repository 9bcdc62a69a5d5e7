"""setitem: assignment to parts of a tensor, x[index] = value.

    y = x but for y[index] = value      and from then on x means y

Shapes    value broadcasts to x[index]; its dtype becomes that of x
Gradient  dx = dy but for dx[index] = 0;  dvalue = dy[index] summed to the shape of value
          (where an integer array names an element twice, the last value stays, and the gradient is that one's)
Memory    that of x, which changes in place; x[index] = value for a Tensor is in pydl/assignment.py
Source    Harris et al., "Array programming with NumPy", Nature 585 (2020)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._compiled import plain_part
from ..arguments import check_array, check_fill
from ..op import op
from .broadcasting import broadcasts_to, fit
from .clone import copied, fill, overwrite
from .getitem import part, picks, plain_index, without_integers


def write(x: Any, index: tuple[Any, ...], value: Any) -> Any:
    """x[index] = value for arrays; returns value as an array."""
    if not isinstance(x, np.ndarray):
        raise TypeError(f"setitem: input must be a tensor or an array, not {type(x).__name__}")
    if not x.flags.writeable:
        raise ValueError("setitem: the tensor's memory is read-only; change a clone() instead")
    # Python numbers keep their digits; check_array would round them to float32.
    if isinstance(value, int | float):
        check_fill("setitem", "value", value, x.dtype)
    else:
        checked = check_array("setitem", "value", value)
        value = checked if isinstance(value, np.ndarray) else np.asarray(value)
    region, rest = plain_part(x, index), (Ellipsis,)
    try:
        if region is None and any(isinstance(each, np.ndarray) for each in index):
            region, rest = without_integers(x, index)
            region[rest] = value
        else:
            region = part("setitem", x, index) if region is None else region
            if isinstance(value, np.ndarray) and value.ndim:
                overwrite(region, value)
            else:
                fill(region, value)
    except (IndexError, TypeError, ValueError):
        shape, needed = np.shape(value), part("setitem", x, index).shape
        extra = len(shape) - len(needed)
        inner = shape[max(extra, 0) :]
        if extra < 1 or math.prod(shape[:extra]) != 1 or not broadcasts_to(inner, needed):
            raise ValueError(f"setitem: value has shape {shape} but must broadcast to {needed}") from None
        region[rest] = value.reshape(inner)  # masks and single numbers refuse dimensions of size 1 in front
    return value


@op("input", "value", view=True)
def setitem(input: Any, value: Any, index: tuple[Any, ...]) -> Any:
    """Writes value into input[index], index as plain_index() gives it; returns input's own array."""
    index = plain_index("setitem", index)
    value = np.asarray(write(input, index, value))

    def gradient(dy, needs):
        dx = dvalue = None
        if needs[0]:
            dx = copied(dy)
            write(dx, index, 0)
        if needs[1]:
            region = part("setitem", dy, index)
            if picks(index):
                order = np.arange(region.size).reshape(region.shape)
                last, rest = without_integers(np.empty(dy.shape, np.int64), index)
                last[rest] = order
                region = np.where(last[rest] == order, region, 0)
            # Dimensions of size 1 that value has beyond those of the region.
            extra = max(value.ndim - region.ndim, 0)
            dvalue = fit(region, (value.shape[extra:], value.dtype)).reshape(value.shape)
        return dx, dvalue

    return input, gradient, ()
