"""mul: the product, element by element.

    y = a b

Shapes    a, b: any that broadcast together; y: the broadcast shape
Gradient  da = dy b, db = dy a, each summed over the copies that broadcasting made
Source    IEEE 754-2019, section 5.4.1 (multiplication); the product rule of the calculus
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import kernel, op
from .broadcasting import empty_for, fit, operands


@kernel(writes="y")
def mul_forward(a, b, y):
    a, b = np.broadcast_to(a, y.shape), np.broadcast_to(b, y.shape)
    for i in np.ndindex(y.shape):
        y[i] = a[i] * b[i]


@mul_forward.samples
def _(draw):
    a, b, shape = draw.broadcast_pair()
    return {"a": a, "b": b, "y": draw.out(shape)}


@op("input", "other")
def mul(input: Any, other: Any) -> Any:
    """input * other, element by element. See the top of this file."""
    a, b, y, a_form, b_form = operands("mul", input, other)
    if y.dtype.kind != "f":
        return np.multiply(a, b, out=y)
    mul_forward(a, b, y)

    def gradient(dy, needs):
        da, db = _gradient(dy, needs, a, b)
        return fit(da, a_form), fit(db, b_form)

    return y, gradient, _SAVES


def _gradient(dy: Any, needs: tuple[bool, bool], a: Any, b: Any) -> Any:
    da = db = None
    if needs[0]:
        da = empty_for(dy, a)
        mul_forward(dy, b, da)
    if needs[1]:
        db = empty_for(dy, b)
        mul_forward(dy, a, db)
    return da, db


_SAVES = ("other", 0), ("input", 1)
mul.shorten(mul_forward, _gradient, _SAVES)
