"""clamp: limits to an interval.

    y = min(max(x, low), high)

Shapes    x (*), y (*): any shape. Integers stay integers if the limits are
Gradient  dx = dy where low <= x <= high, else 0
Special   NaN stays NaN; where low > high the result is high
Source    the definition; at the limits the gradient is a subgradient, as PyTorch chooses it
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_array, check_float, check_number
from ..op import empty, kernel, op


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


def _integer_limits(dtype: Any, low: Any, high: Any) -> tuple[Any, Any]:
    """Limits that the dtype can hold: one beyond all its numbers is none, unless it would be the result."""
    smallest, largest = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    for name, limit in (("min", low), ("max", high)):
        if limit is not None and not smallest <= limit <= largest and (name == "min") == (limit > largest):
            raise ValueError(f"clamp: {name} is {limit}, which does not fit the input's dtype {dtype}")
    return (None if low is None or low < smallest else low), (None if high is None or high > largest else high)


@op("input")
def clamp(input: Any, min: float | None = None, max: float | None = None) -> Any:
    """input, limited to min and max, either of which may be None. See the top of this file."""
    if min is None and max is None:
        raise ValueError("clamp: min and max are both None, but one of them must be given")
    low = -np.inf if min is None else check_number("clamp", "min", min)
    high = np.inf if max is None else check_number("clamp", "max", max)
    x = check_array("clamp", "input", input)
    if x.dtype.kind in "iu" and not any(isinstance(limit, float | np.floating) for limit in (min, max)):
        min, max = _integer_limits(x.dtype, min, max)
        return x.copy() if min is None and max is None else np.asarray(np.clip(x, min, max))
    x = check_float("clamp", "input", x, integers=True)
    y = empty(x.shape, x.dtype)
    clamp_forward(x, low, high, y)

    def gradient(dy, needs):
        dx = empty(dy.shape, dy.dtype)
        clamp_backward(dy, x, low, high, dx)
        return dx

    return y, gradient, ("input",)


clip = clamp  # the other name of the same operation
