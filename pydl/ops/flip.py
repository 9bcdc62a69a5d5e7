"""flip: the order reversed along some dimensions; roll: what leaves at one end comes back at the other.

    y[.., i, ..] = x[.., I - 1 - i, ..]      roll: x[.., (i - shift) mod I, ..]

Shapes    x and y (*)
Gradient  dx = dy reversed along the same dimensions, or moved back
Source    Harris et al., "Array programming with NumPy", Nature 585 (2020)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_array, check_dim, check_dims, check_integer, show
from ..op import op
from .clone import copied


@op("input")
def flip(input: Any, *dims: Any) -> Any:
    """Reversed along dims: flip(x, 0, 1) or flip(x, (0, 1)). A copy. See the top of this file."""
    x = check_array("flip", "input", input)
    if len(dims) == 1 and isinstance(dims[0], tuple | list):
        dims = tuple(dims[0])
    order = check_dims("flip", dims, x.ndim)
    return copied(np.asarray(np.flip(x, order))), lambda dy, needs: np.flip(dy, order), ()


@op("input")
def roll(input: Any, shifts: int | tuple[int, ...], dims: int | tuple[int, ...] | None = None) -> Any:
    """Moved by `shifts` along `dims`; without dims, as one line of all elements."""
    x = check_array("roll", "input", input)
    steps = tuple(shifts) if isinstance(shifts, tuple | list) else (shifts,)
    steps = tuple(check_integer("roll", "shifts", each, -(2**31)) for each in steps)
    if dims is None:
        if len(steps) != 1:
            raise ValueError(f"roll: shifts must be one integer without dims, not {show(shifts)}")
        return np.roll(x, steps[0]), lambda dy, needs: np.roll(dy, -steps[0]), ()
    axes = tuple(check_dim("roll", d, x.ndim) for d in (dims if isinstance(dims, tuple | list) else (dims,)))
    if len(axes) != len(steps):
        raise ValueError(f"roll: shifts has {len(steps)} numbers but dims has {len(axes)}")
    if x.ndim == 0 or not axes:
        return x.copy(), lambda dy, needs: dy, ()
    return np.roll(x, steps, axes), lambda dy, needs: np.roll(dy, [-each for each in steps], axes), ()
