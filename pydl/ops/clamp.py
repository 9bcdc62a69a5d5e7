"""clamp: limits to an interval.

    y = min(max(x, low), high)      low and high: numbers, or tensors that broadcast with x

Shapes    x (*), y (*): any shape. Integers stay integers if the limits are
Gradient  dx = dy where low <= x <= high, else 0; dlow = dy where x < low, dhigh = dy where x > high
Special   NaN stays NaN; where low > high the result is high
Source    the definition; at the limits the gradient is a subgradient, as PyTorch chooses it
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from .._compiled import are_usual_floats, is_noting
from ..arguments import check_array, check_float, check_number
from ..op import empty, empty_like, kernel, op
from .blend import BETWEEN, blended, in_one_pass
from .broadcasting import broadcast_shape, fit, form_of, promote
from .maximum import maximum_forward
from .minimum import minimum_forward
from .where import where


@kernel(writes="y")
def clamp_forward(x, low, high, y):
    for i in np.ndindex(x.shape):
        limited = low if x[i] < low else x[i]
        y[i] = high if limited > high else limited


@kernel(writes="dx")
def clamp_backward(dy, x, low, high, dx):
    for i in np.ndindex(x.shape):
        dx[i] = dy[i] if low <= x[i] <= high else 0.0


@clamp_forward.samples
def _(draw):
    x = draw.special(draw.shape())
    return {"x": x, "low": draw.choice(-0.5, -np.inf), "high": draw.choice(0.75, np.inf, -1.0), "y": draw.out(x.shape)}


@clamp_backward.samples
def _(draw):
    x = draw.special(draw.shape())
    return {
        "dy": draw.array(x.shape),
        "x": x,
        "low": draw.choice(-0.5, -np.inf),
        "high": draw.choice(0.75, np.inf),
        "dx": draw.out(x.shape),
    }


@lru_cache(16)
def _range_of(dtype: Any) -> tuple[int, int]:
    """The smallest and the largest integer of the dtype."""
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def _integer_limits(dtype: Any, low: Any, high: Any) -> tuple[Any, Any]:
    """Limits that the dtype can hold: one beyond all its numbers is none, unless it would be the result."""
    smallest, largest = _range_of(dtype)
    for name, limit in (("min", low), ("max", high)):
        if limit is not None and not smallest <= limit <= largest and (name == "min") == (limit > largest):
            raise ValueError(f"clamp: {name} is {limit}, which does not fit the input's dtype {dtype}")
    return (None if low is None or low < smallest else low), (None if high is None or high > largest else high)


def _between_arrays(input: Any, min: Any, max: Any) -> Any:
    """clamp where a limit is an array."""
    x: Any
    low: Any
    high: Any
    both = min is not None and max is not None
    limits = [min, max] if both else [max if min is None else min]
    usual = are_usual_floats([input, *limits])
    if usual and input.shape == limits[0].shape == limits[-1].shape:
        x, low, high, y = input, min, max, empty_like(input)
    else:
        given = {"input": input, "min": min, "max": max}
        given = {name: value for name, value in given.items() if value is not None}
        arrays = given if usual else dict(zip(given, promote("clamp", given), strict=True))
        x, low, high = (arrays.get(name) for name in ("input", "min", "max"))
        y = empty(broadcast_shape("clamp", *arrays.values()), x.dtype)
    if y.dtype.kind != "f":
        largest = x if low is None else np.maximum(x, low, out=y)
        if high is not None:
            np.minimum(largest, high, out=y)
    elif both and ((usual and not is_noting()) or in_one_pass(x, low, high)):
        blended(BETWEEN, 1.0, x, low, high, y)
    else:
        if low is not None:
            maximum_forward(x, low, y)
        if high is not None:
            minimum_forward(x if low is None else y, high, y)

    def gradient(dy, needs):
        with np.errstate(invalid="ignore"):
            crossed = np.less(high, low) if low is not None and high is not None else np.False_
            below = np.less(x, low) & (high is None or np.less(low, high)) if low is not None else np.False_
            above = np.greater(x, high) | crossed if high is not None else np.False_
            inside = np.greater_equal(x, low) if low is not None else np.True_
            inside = inside & np.less_equal(x, high) if high is not None else inside
        parts = (inside, x, input), (below, low, min), (above, high, max)
        return tuple(
            fit(where(chosen, dy, 0.0).data, form_of(value, array)) if wanted and array is not None else None
            for (chosen, array, value), wanted in zip(parts, needs, strict=True)
        )

    return y, gradient if y.dtype.kind == "f" else None, ("input", "min", "max")


@op("input", "min", "max")
def clamp(input: Any, min: Any = None, max: Any = None) -> Any:
    """input, limited to min and max, either of which may be None. See the top of this file."""
    if min is None and max is None:
        raise ValueError("clamp: min and max are both None, but one of them must be given")
    if isinstance(min, np.ndarray) or isinstance(max, np.ndarray):
        return _between_arrays(input, min, max)
    low = -np.inf if min is None else check_number("clamp", "min", min)
    high = np.inf if max is None else check_number("clamp", "max", max)
    x = check_array("clamp", "input", input)
    if x.dtype.kind in "iu" and not any(isinstance(limit, float | np.floating) for limit in (min, max)):
        min, max = _integer_limits(x.dtype, min, max)
        y = x
        for limit, extreme in ((min, np.maximum), (max, np.minimum)):
            if limit is not None:
                y = extreme(y, limit, out=empty_like(x) if y is x else y)
        return x.copy() if y is x else y
    x = check_float("clamp", "input", x, integers=True)
    if low != low or high != high:  # the kernel compares with the limits
        return np.full(x.shape, np.nan, x.dtype), lambda dy, needs: (np.zeros(x.shape, x.dtype), None, None), ()
    y = empty_like(x)
    clamp_forward(x, low, high, y)

    def gradient(dy, needs):
        dx = empty_like(x)
        clamp_backward(dy, x, low, high, dx)
        return dx, None, None

    return y, gradient, ("input",)


clip = clamp  # the other name of the same operation
