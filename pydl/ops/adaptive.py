"""Checks and windows that the adaptive pooling operations share.

Along an axis of `size` elements, window o of `out` is [floor(o*size/out), ceil((o+1)*size/out)): as long as the others
or one element longer, overlapping its neighbours where out does not divide size. The kernels have three such axes;
planes are volumes of one slice, and lines those of one row.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._compiled import remembered
from ..arguments import Array, check_floats, check_integer, check_rank, show
from .clone import reshaped
from .pooling import LAYOUTS, Sizes


class Adaptive(NamedTuple):
    """The shapes of an adaptive pooling's arrays."""

    shape: Sizes  # of the input
    batch: Sizes  # the same as kernels take it, (N, C, D, H, W)
    out: Sizes  # of the result
    y: Sizes  # the same as kernels take it


def check_adaptive(op: str, input: Any, output_size: Any, dims: int) -> tuple[Array, Adaptive]:
    """The input of `op` as its kernels take it, and the shapes; or the error that says what is wrong."""
    (x,) = check_floats(op, input=input)
    shapes = check_adaptive_shapes(op, x.shape, output_size, dims)
    return reshaped(x, shapes.batch), shapes


@remembered
def check_adaptive_shapes(op: str, shape: Sizes, output_size: Any, dims: int) -> Adaptive:
    """What `op` over the last `dims` dimensions makes of an input of this shape."""
    check_rank(op, "input", shape, dims + 1, dims + 2, layout=LAYOUTS[dims])
    given = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size,) * dims
    if len(given) != dims:
        needs = {1: "one integer", 2: "one integer or two", 3: "one integer or three"}[dims]
        raise ValueError(f"{op}: output_size must be {needs}, not {show(output_size)}")
    sizes = shape[-dims:]
    if 0 in sizes:
        raise ValueError(f"{op}: input must have some elements to pool, but has shape {shape}")
    outs = tuple(
        size if each is None else check_integer(op, "output_size", each, 1)
        for each, size in zip(given, sizes, strict=True)
    )
    planes = shape[:2] if len(shape) == dims + 2 else (1, shape[0])
    ones = (1,) * (3 - dims)
    return Adaptive(shape, (*planes, *ones, *sizes), (*shape[:-dims], *outs), (*planes, *ones, *outs))


def window_of(output: int, out: int, size: int) -> range:
    """The places of one window along an axis."""
    return range(output * size // out, -((output + 1) * size // -out))


def places_of(zpq: Any, outs: Sizes, sizes: Sizes) -> list[Any]:
    """The places of one window, in row-major order."""
    windows = [window_of(o, out, size) for o, out, size in zip(zpq, outs, sizes, strict=True)]
    return [(d, h, w) for d in windows[0] for h in windows[1] for w in windows[2]]


def draw_adaptive(draw: Any) -> tuple[Sizes, Sizes]:
    """For samples: the shapes of x and y."""
    planes = (draw.integer(0, 2), draw.integer(1, 2))
    sizes = (draw.integer(1, 4), draw.integer(1, 7), draw.integer(1, draw.choice(8, 40)))
    outs = [draw.choice(1, size, draw.integer(1, size + 1), size // 2 or 1) for size in sizes]
    return (*planes, *sizes), (*planes, *outs)


def rounded(draw: Any, values: Any) -> Any:
    """Mostly integers, among which many are equal."""
    return np.round(values, draw.choice(0, 8))
