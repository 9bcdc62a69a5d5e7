"""hardtanh: tanh made of straight lines; so are relu6, hardsigmoid, threshold, softshrink, hardshrink and hardswish.

    y = (x or 0) + below                           where x <= low
    y = square x^2 + slope x + shift               between
    y = (x or 0) + above                           where x >= high

                     low    x <= low   between        x >= high  high
    hardtanh         min    min        x              max        max      relu6: from 0 to 6
    hardsigmoid      -3     0          x / 6 + 1 / 2  1          3
    hardswish        -3     0          x (x + 3) / 6  x          3        x hardsigmoid(x)
    threshold        t      value      x
    softshrink       -l     x + l      0              x - l      l
    hardshrink       -l     x          0              x          l        0 at -l and l, too

Shapes    x (*), y (*): any shape
Gradient  dx = (2 square x + slope) dy between, outside dy where the line follows x, else 0
Special   NaN stays NaN; hardswish is 0 at -inf
Source    Collobert, "Large scale machine learning" (2004), for hardtanh; Howard et al., "Searching for MobileNetV3",
          ICCV 2019, for hardsigmoid and hardswish; Donoho, "De-noising by soft-thresholding" (1995), for shrinkage
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..arguments import check_float, check_number, check_range
from ..op import empty_like, kernel, op


@kernel(writes="y")
def hardtanh_forward(x, low, high, follows_below, below, square, slope, shift, follows_above, above, y):
    for i in np.ndindex(x.shape):
        if x[i] <= low:
            y[i] = (x[i] if follows_below else 0.0) + below
        elif x[i] >= high:
            y[i] = (x[i] if follows_above else 0.0) + above
        else:
            y[i] = (square * x[i] + slope) * x[i] + shift


@kernel(writes="dx")
def hardtanh_backward(dy, x, low, high, follows_below, square, slope, follows_above, dx):
    for i in np.ndindex(x.shape):
        if x[i] <= low:
            dx[i] = dy[i] if follows_below else 0.0
        elif x[i] >= high:
            dx[i] = dy[i] if follows_above else 0.0
        else:
            dx[i] = dy[i] * (2.0 * square * x[i] + slope)


class Pieces(NamedTuple):
    """The lines and the curve between them."""

    low: float
    high: float
    follows_below: bool = False
    below: float = 0.0
    square: float = 0.0
    slope: float = 0.0
    shift: float = 0.0
    follows_above: bool = False
    above: float = 0.0


def _draw(draw):
    follows_below, follows_above = draw.choice(True, False), draw.choice(True, False)
    return Pieces(-0.5, 0.75, follows_below, 0.25, draw.choice(0.0, 0.5), 1.0, 0.5, follows_above)


@hardtanh_forward.samples
def _(draw):
    x = draw.special(draw.shape())
    return {"x": x, **_draw(draw)._asdict(), "y": draw.out(x.shape)}


@hardtanh_backward.samples
def _(draw):
    x = draw.special(draw.shape())
    needed = {name: value for name, value in _draw(draw)._asdict().items() if name not in ("below", "shift", "above")}
    return {"dy": draw.array(x.shape), "x": x, **needed, "dx": draw.out(x.shape)}


def of_pieces(x: Any, pieces: Pieces) -> Any:
    """What all of these operations return."""
    y = empty_like(x)
    hardtanh_forward(x, *pieces, y)

    def gradient(dy, needs):
        dx = empty_like(x)
        low, high, follows_below, _, square, slope, _, follows_above, _ = pieces
        hardtanh_backward(dy, x, low, high, follows_below, square, slope, follows_above, dx)
        return dx

    return y, gradient, ("input",)


@op("input")
def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """input, limited to min_val and max_val; no gradient at the limits. See the top of this file."""
    x = check_float("hardtanh", "input", input)
    low, high = check_number("hardtanh", "min_val", min_val), check_number("hardtanh", "max_val", max_val)
    if low > high:
        raise ValueError(f"hardtanh: min_val is {min_val} but must not be above max_val, {max_val}")
    return of_pieces(x, Pieces(low, high, below=low, slope=1.0, above=high))


@op("input")
def relu6(input: Any) -> Any:
    """input, limited to 0 and 6. See the top of this file."""
    return of_pieces(check_float("relu6", "input", input), Pieces(0.0, 6.0, slope=1.0, above=6.0))


@op("input")
def hardsigmoid(input: Any) -> Any:
    """x / 6 + 1 / 2, limited to 0 and 1. See the top of this file."""
    return of_pieces(check_float("hardsigmoid", "input", input), Pieces(-3.0, 3.0, slope=1 / 6, shift=0.5, above=1.0))


@op("input")
def hardswish(input: Any) -> Any:
    """x * hardsigmoid(x). See the top of this file."""
    x = check_float("hardswish", "input", input)
    return of_pieces(x, Pieces(-3.0, 3.0, square=1 / 6, slope=0.5, follows_above=True))


@op("input")
def threshold(input: Any, threshold: float, value: float) -> Any:
    """x where x > threshold, else value. See the top of this file."""
    x = check_float("threshold", "input", input)
    low, below = check_number("threshold", "threshold", threshold), check_number("threshold", "value", value)
    return of_pieces(x, Pieces(low, math.inf, below=below, slope=1.0, follows_above=True))


@op("input")
def softshrink(input: Any, lambd: float = 0.5) -> Any:
    """x, moved by lambd towards 0, and 0 where it is nearer than that. See the top of this file."""
    x = check_float("softshrink", "input", input)
    size = check_range("softshrink", "lambd", lambd, 0)
    return of_pieces(x, _apart(x.dtype, size, size))


@op("input")
def hardshrink(input: Any, lambd: float = 0.5) -> Any:
    """x where |x| > lambd, else 0. See the top of this file."""
    x = check_float("hardshrink", "input", input)
    size = check_number("hardshrink", "lambd", lambd)
    return of_pieces(x, _apart(x.dtype, size, 0.0))


@lru_cache(64)
def _apart(dtype: Any, size: float, shift: float) -> Pieces:
    """Two lines, moved by `shift` towards 0, that begin at the last number of the dtype below -size and the first one
    above size.
    """
    if size == 0.0:
        high = float(np.finfo(dtype).tiny)  # kernels may take smaller ones for 0
    else:
        with np.errstate(over="ignore"):
            high = float(np.nextafter(dtype.type(size), dtype.type(np.inf)))
    return Pieces(-high, high, follows_below=True, below=shift, follows_above=True, above=-shift)
