"""pad: a border of one value around the tensor.

    y[.., i, ..] = x[.., i - before, ..] inside, else value

Shapes    the last dimension grows by pad[0] in front and pad[1] behind, the one before it by pad[2] and pad[3], ...;
          a negative number cuts off
Gradient  dx = dy without the border, 0 where x was cut off
Source    Dumoulin, Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285 (2016)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..arguments import check_array, check_integer, check_number, check_shape, show
from ..op import empty, op
from .clone import copy


@op("input")
def pad(input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Any:
    """A border of `value` (0) around input. See the top of this file.

    pad: (front, behind) of the last dimension, then of the one before it, and so on. mode: only "constant".
    """
    x = check_array("pad", "input", input)
    if not isinstance(mode, str) or mode != "constant":
        raise ValueError(f"pad: mode is {show(mode)}, but only 'constant' is supported")
    if not isinstance(pad, tuple | list):
        raise TypeError(f"pad: pad must be a tuple of integers, not {show(pad)}")
    sizes = [check_integer("pad", "pad", each, -(2**31)) for each in pad]
    if len(sizes) % 2 or len(sizes) > 2 * x.ndim:
        raise ValueError(f"pad: pad has {len(sizes)} numbers, but needs two for each of up to {x.ndim} dimensions")
    shape, inside, kept = list(x.shape), [slice(None)] * x.ndim, [slice(None)] * x.ndim
    for k in range(len(sizes) // 2):
        d, front, behind = x.ndim - 1 - k, sizes[2 * k], sizes[2 * k + 1]
        shape[d] = x.shape[d] + front + behind
        if shape[d] < 0:
            raise ValueError(f"pad: {front} and {behind} cut more than there is in dimension {d} of {x.shape}")
        # Where x lies in y, and which part of x that is.
        first, last = max(-front, 0), max(min(x.shape[d], x.shape[d] + behind), max(-front, 0))
        kept[d] = slice(first, last)
        inside[d] = slice(first + front, last + front)
    y = empty(check_shape("pad", (tuple(shape),)), x.dtype)
    y[...] = 0 if value is None else check_number("pad", "value", value)
    source: Any = (..., *kept)  # an ellipsis, because without dimensions these would be numbers
    target: Any = (..., *inside)
    copy(x[source], y[target])

    def gradient(dy, needs):
        if all(size >= 0 for size in sizes):
            return dy[tuple(inside)]
        dx = empty(x.shape, x.dtype)
        dx[...] = 0
        dx[tuple(kept)] = dy[tuple(inside)]
        return dx

    return y, gradient, ()
