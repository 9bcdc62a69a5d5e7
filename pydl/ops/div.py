"""div: the quotient.

    y = a / b

Shapes    a, b: any that broadcast together; y: the broadcast shape. Two integers give float32, rounded integers
Gradient  da = dy / b, db = -dy a / b^2, each summed over the copies that broadcasting made
Special   x / 0 is an infinity, 0 / 0 is NaN
Source    IEEE 754-2019, section 5.4.1 (division); the quotient rule of the calculus
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..arguments import check_choice
from ..op import kernel, op
from .broadcasting import empty_for, fit, operands
from .remainder import FLOOR_DIVIDE, TRUNC_DIVIDE, divided, trunc_quotient


@kernel(writes="y")
def div_forward(a, b, y):
    a, b = np.broadcast_to(a, y.shape), np.broadcast_to(b, y.shape)
    for i in np.ndindex(y.shape):
        y[i] = a[i] / b[i]


@kernel(writes="db")
def div_backward_other(dy, a, b, db):
    a, b = np.broadcast_to(a, db.shape), np.broadcast_to(b, db.shape)
    for i in np.ndindex(db.shape):
        db[i] = -dy[i] * a[i] / b[i] ** 2


@div_forward.samples
def _(draw):
    a, b, shape = draw.broadcast_pair(0.5, 3.0)
    return {"a": a, "b": b, "y": draw.out(shape)}


@div_backward_other.samples
def _(draw):
    a, b, shape = draw.broadcast_pair(0.5, 3.0)
    return {"dy": draw.array(shape), "a": a, "b": b, "db": draw.out(shape)}


@lru_cache(8)
def one(dtype: Any) -> Any:
    """1 of the dtype, which nobody may change."""
    return np.ones((), dtype)


def invert(x: Any, y: Any) -> None:
    """y = 1 / x, of floats."""
    div_forward(one(x.dtype), x, y)


@op("input", "other")
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    """input / other, element by element; rounding_mode "floor" or "trunc": rounded so. See the top of this file."""
    if rounding_mode is not None:
        how = check_choice("div", "rounding_mode", rounding_mode, "floor", "trunc")
        if how == "floor":
            return divided("div", FLOOR_DIVIDE, np.floor_divide, input, other)[2]
        return divided("div", TRUNC_DIVIDE, trunc_quotient, input, other)[2]
    a, b, y, a_form, b_form = operands("div", input, other, division=True)
    div_forward(a, b, y)

    def gradient(dy, needs):
        da, db = _gradient(dy, needs, a, b)
        return fit(da, a_form), fit(db, b_form)

    return y, gradient, _SAVES


def _gradient(dy: Any, needs: tuple[bool, bool], a: Any, b: Any) -> Any:
    da = db = None
    if needs[0]:
        da = empty_for(dy, a)
        div_forward(dy, b, da)
    if needs[1]:
        db = empty_for(dy, b)
        div_backward_other(dy, a, b, db)
    return da, db


_SAVES = ("other", 0), ("input", 1), ("other", 1)
div.shorten(div_forward, _gradient, _SAVES)
