"""nan_to_num: finite numbers in place of NaN and infinities.

    y = nan where x is NaN, posinf where x = inf, neginf where x = -inf, elsewhere x

Shapes    x (*), y (*): any shape. Integers stay what they are
Gradient  dx = dy where x is finite, else 0
Special   posinf and neginf are, unless given, the largest and the smallest number of the dtype
Source    IEEE 754-2019, section 3.4 (infinities and NaN); the derivative of a function by cases
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..arguments import check_array, check_fill, check_number
from ..op import empty_like, kernel, op
from .clamp import clamp_backward


@kernel(writes="y")
def nan_to_num_forward(x, nan, posinf, neginf, y):
    for i in np.ndindex(x.shape):
        if np.isnan(x[i]):
            y[i] = nan
        elif np.isinf(x[i]):
            y[i] = posinf if x[i] > 0 else neginf
        else:
            y[i] = x[i]


@nan_to_num_forward.samples
def _(draw):
    x = draw.special(draw.shape())
    return {
        "x": x,
        "nan": draw.choice(0.0, 2.0),
        "posinf": 3.0,
        "neginf": draw.choice(-3.0, 0.0),
        "y": draw.out(x.shape),
    }


@lru_cache(8)
def _largest(dtype: Any) -> float:
    return float(np.finfo(dtype).max)


def _number(name: str, value: Any, dtype: Any) -> float:
    if type(value) is float and value == 0.0:
        return value
    return float(check_fill("nan_to_num", name, check_number("nan_to_num", name, value), dtype))


@op("input")
def nan_to_num(input: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """Finite numbers in place of NaN and infinities. See the top of this file."""
    x = check_array("nan_to_num", "input", input)
    if x.dtype.kind != "f":
        return x.copy()
    largest, y = _largest(x.dtype), empty_like(x)
    high = largest if posinf is None else _number("posinf", posinf, x.dtype)
    low = -largest if neginf is None else _number("neginf", neginf, x.dtype)
    nan_to_num_forward(x, _number("nan", nan, x.dtype), high, low, y)

    def gradient(dy, needs):
        dx = empty_like(x)
        clamp_backward(dy, x, -largest, largest, dx)
        return dx

    return y, gradient, ("input",)
