"""Checks and windows that the adaptive pooling operations share.

Along an axis of `size` elements, window o of `out` is [floor(o*size/out), ceil((o+1)*size/out)): as long as the others
or one element longer, overlapping its neighbours where out does not divide size. The kernels have three such axes;
planes are volumes of one slice, and lines those of one row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import check_floats, check_integer, check_rank
from .pooling import LAYOUTS, Sizes


@dataclass
class Adaptive:
    """Checked arguments of an adaptive pooling."""

    shape: Sizes  # of the input
    x: Any  # (N, C, D, H, W)
    out: Sizes  # shape of the result, without N where the input had none
    y: Sizes  # the same with the dimensions of x


def check_adaptive(op: str, input: Any, output_size: Any, dims: int) -> Adaptive:
    """The arguments of `op` over the last `dims` dimensions in one form, or the error that says what is wrong."""
    (x,) = check_floats(op, input=input)
    check_rank(op, "input", x, dims + 1, dims + 2, layout=LAYOUTS[dims])
    given = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size,) * dims
    if len(given) != dims:
        needs = {1: "one integer", 2: "one integer or two", 3: "one integer or three"}[dims]
        raise ValueError(f"{op}: output_size must be {needs}, not {output_size!r}")
    sizes = x.shape[-dims:]
    if 0 in sizes:
        raise ValueError(f"{op}: input must have some elements to pool, but has shape {x.shape}")
    outs = tuple(
        size if each is None else check_integer(op, "output_size", each, 1)
        for each, size in zip(given, sizes, strict=True)
    )
    batch = x if x.ndim == dims + 2 else x[None]
    ones = (1,) * (3 - dims)
    volumes = batch.reshape(*batch.shape[:2], *ones, *sizes)
    return Adaptive(x.shape, volumes, (*x.shape[:-dims], *outs), (*batch.shape[:2], *ones, *outs))


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
