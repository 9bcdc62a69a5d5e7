"""sub: the difference.

    y = a - alpha b

Shapes    a, b: any that broadcast together; y: the broadcast shape
Gradient  da = dy, db = -alpha dy, each summed over the copies that broadcasting made
Source    IEEE 754-2019, section 5.4.1 (subtraction); the sum rule of the calculus
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_number
from ..op import empty_like, kernel, op
from .blend import SCALED, blended, in_one_pass
from .broadcasting import fit, operands
from .mul import mul
from .neg import neg_forward


@kernel(writes="y")
def sub_forward(a, b, y):
    a, b = np.broadcast_to(a, y.shape), np.broadcast_to(b, y.shape)
    for i in np.ndindex(y.shape):
        y[i] = a[i] - b[i]


@sub_forward.samples
def _(draw):
    a, b, shape = draw.broadcast_pair()
    return {"a": a, "b": b, "y": draw.out(shape)}


@op("input", "other")
def sub(input: Any, other: Any, *, alpha: float = 1) -> Any:
    """input - alpha * other, element by element. See the top of this file."""
    factor = 1.0 if type(alpha) is int and alpha == 1 else check_number("sub", "alpha", alpha)
    at_once = factor != 1.0 and in_one_pass(input, other)
    if factor != 1.0 and not at_once:
        other = mul(other, alpha).data
    a, b, y, a_form, b_form = operands("sub", input, other)
    if y.dtype.kind == "b":
        raise TypeError("sub: input and other are bool; use logical_not or convert one of them")
    if y.dtype.kind != "f":
        return np.subtract(a, b, out=y)
    if at_once:
        blended(SCALED, -factor, a, b, b, y)
    else:
        sub_forward(a, b, y)

    def gradient(dy, needs):
        da = fit(dy, a_form) if needs[0] else None
        db = None
        if needs[1]:
            db = _negative(dy)
            db = fit(db if alpha == 1 else mul(db, alpha).data, b_form)
        return da, db

    return y, gradient, ()


def _negative(dy: Any) -> Any:
    db = empty_like(dy)
    neg_forward(dy, db)
    return db


def _gradient(dy: Any, needs: tuple[bool, bool], a: Any, b: Any) -> Any:
    return dy if needs[0] else None, _negative(dy) if needs[1] else None


sub.shorten(sub_forward, _gradient)
