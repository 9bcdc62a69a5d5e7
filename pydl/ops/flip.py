"""flip: the order reversed along some dimensions; roll: what leaves at one end comes back at the other.

    y[.., i, ..] = x[.., I - 1 - i, ..]      roll: x[.., (i - shift) mod I, ..]

Shapes    x and y (*)
Gradient  dx = dy reversed along the same dimensions, or moved back
Source    Harris et al., "Array programming with NumPy", Nature 585 (2020)
"""

from __future__ import annotations

import itertools
from typing import Any

from .._compiled import is_usual_float, remembered
from ..arguments import Array, check_array, check_dim, check_dims, check_integer, show
from ..op import empty, op
from .clone import MOST_DIMENSIONS, clone_forward, copied, copy, reshaped

CACHED = 2**17  # bytes of rows that stay in the cache until each of their parts was moved


@op("input")
def flip(input: Any, *dims: Any) -> Any:
    """Reversed along dims: flip(x, 0, 1) or flip(x, (0, 1)). A copy. See the top of this file."""
    x = check_array("flip", "input", input)
    if len(dims) == 1 and isinstance(dims[0], tuple | list):
        dims = tuple(dims[0])
    reversed = _reversed(x.ndim, dims)
    return copied(x[reversed]), lambda dy, needs: dy[reversed], ()


@remembered
def _reversed(rank: int, dims: tuple[Any, ...]) -> tuple[Any, ...]:
    """The index that reverses these dimensions."""
    order = check_dims("flip", dims, rank)
    return (*[slice(None, None, -1) if d in order else slice(None) for d in range(rank)], ...)


@remembered
def _parts(shape: tuple[int, ...], steps: tuple[int, ...], axes: tuple[int, ...]) -> tuple[Any, ...]:
    """What stays in order along each of the axes: where it is, and where it comes to."""
    total = dict.fromkeys(axes, 0)
    for step, d in zip(steps, axes, strict=True):
        total[d] = (total[d] + step) % max(shape[d], 1)
    cuts = [
        [(slice(0, size - n), slice(n, size)), (slice(size - n, size), slice(0, n))] if n else [(slice(None),) * 2]
        for size, n in ((size, total.get(d, 0)) for d, size in enumerate(shape))
    ]
    return tuple(tuple(zip(*parts, strict=True)) for parts in itertools.product(*cuts))


def _moved(x: Array, steps: tuple[int, ...], axes: tuple[int, ...]) -> Array:
    """A copy, moved along the axes, part by part."""
    y, parts = empty(x.shape, x.dtype), _parts(x.shape, steps, axes)
    blocks = [(x, y)]
    if x.nbytes > CACHED and len(parts) > 1 and parts[0][0][0] == slice(None):
        rows = max(CACHED * len(x) // x.nbytes, 1)
        blocks = [(x[first : first + rows], y[first : first + rows]) for first in range(0, len(x), rows)]
    into = clone_forward if is_usual_float(x) and x.ndim <= MOST_DIMENSIONS else copy
    for block, to in blocks:
        for old, new in parts:
            into(block[old], to[new])
    return y


@op("input")
def roll(input: Any, shifts: int | tuple[int, ...], dims: int | tuple[int, ...] | None = None) -> Any:
    """Moved by `shifts` along `dims`; without dims, as one line of all elements."""
    x = check_array("roll", "input", input)
    steps = tuple(shifts) if isinstance(shifts, tuple | list) else (shifts,)
    steps = tuple([check_integer("roll", "shifts", each, -(2**31)) for each in steps])
    if dims is None:
        if len(steps) != 1:
            raise ValueError(f"roll: shifts must be one integer without dims, not {show(shifts)}")

        def moved(line: Array, step: int) -> Array:
            return _moved(reshaped(line, (x.size,)), (step,), (0,)).reshape(x.shape)

        return moved(x, steps[0]), lambda dy, needs: moved(dy, -steps[0]), ()
    axes = tuple([check_dim("roll", d, x.ndim) for d in (dims if isinstance(dims, tuple | list) else (dims,))])
    if len(axes) != len(steps):
        raise ValueError(f"roll: shifts has {len(steps)} numbers but dims has {len(axes)}")
    if x.ndim == 0 or not axes:
        return x.copy(), lambda dy, needs: dy, ()
    return _moved(x, steps, axes), lambda dy, needs: _moved(dy, tuple([-each for each in steps]), axes), ()
