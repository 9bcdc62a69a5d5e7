"""expand: dimensions of size 1 repeated, without a copy (also named broadcast_to).

    y[.., i, ..] = x[.., 0, ..] where x has size 1, else x[.., i, ..]

Shapes    x (*), y as asked: new dimensions in front, and for an existing one its own size, any if it is 1, or -1
Gradient  dx = dy summed over the repeated dimensions
Memory    shared with x and read-only, since one number stands for many
Source    Harris et al., "Array programming with NumPy", Nature 585 (2020)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_array, check_shape
from ..op import op
from .broadcasting import fit


def repeat(name: str, input: Any, size: tuple[Any, ...], low: int) -> Any:
    """What both operations do."""
    x = check_array(name, "input", input)
    asked = check_shape(name, size, low)
    old = (None,) * (len(asked) - x.ndim) + x.shape
    if len(asked) < x.ndim or not all(
        new >= 0 if mine is None else mine in (new, 1) or new == -1 for mine, new in zip(old, asked, strict=True)
    ):
        raise ValueError(f"{name}: input of shape {x.shape} cannot be repeated to {asked}")
    shape = tuple(mine if new == -1 else new for mine, new in zip(old, asked, strict=True))
    return np.broadcast_to(x, shape), lambda dy, needs: fit(dy, (x.shape, x.dtype)), ()


@op("input", view=True)
def expand(input: Any, *size: Any) -> Any:
    """The elements repeated to a larger shape; -1 keeps a size. See the top of this file."""
    return repeat("expand", input, size, -1)


@op("input", view=True)
def broadcast_to(input: Any, *size: Any) -> Any:
    """The elements repeated to a larger shape. See the top of this file."""
    return repeat("broadcast_to", input, size, 0)
