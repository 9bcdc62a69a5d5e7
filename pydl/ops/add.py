"""add: the sum.

    y = a + alpha b

Shapes    a, b: any that broadcast together; y: the broadcast shape
Gradient  da = dy, db = alpha dy, each summed over the copies that broadcasting made
Source    IEEE 754-2019, section 5.4.1 (addition); the sum rule of the calculus
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Array, check_number
from ..op import kernel, op
from .blend import SCALED, blended, in_one_pass
from .broadcasting import fit, operands
from .clone import MOST_DIMENSIONS
from .mul import mul


@kernel(writes="y")
def add_forward(a, b, y):
    a, b = np.broadcast_to(a, y.shape), np.broadcast_to(b, y.shape)
    for i in np.ndindex(y.shape):
        y[i] = a[i] + b[i]


@add_forward.samples
def _(draw):
    a, b, shape = draw.broadcast_pair()
    return {"a": a, "b": b, "y": draw.out(shape)}


@op("input", "other")
def add(input: Any, other: Any, *, alpha: float = 1) -> Any:
    """input + alpha * other, element by element. See the top of this file."""
    factor = 1.0 if type(alpha) is int and alpha == 1 else check_number("add", "alpha", alpha)
    at_once = factor != 1.0 and in_one_pass(input, other)
    if factor != 1.0 and not at_once:
        other = mul(other, alpha).data
    a, b, y, a_form, b_form = operands("add", input, other)
    if y.dtype.kind != "f":
        return np.add(a, b, out=y)
    if at_once:
        blended(SCALED, factor, a, b, b, y)
    else:
        add_forward(a, b, y)

    def gradient(dy, needs):
        db = mul(dy, alpha).data if needs[1] and alpha != 1 else dy
        return fit(dy, a_form) if needs[0] else None, fit(db, b_form) if needs[1] else None

    return y, gradient, ()


def add_to(y: Array, x: Array) -> None:
    """y += x, for arrays of one shape and dtype: by the kernel where it can, so that recordings know of it."""
    if y.dtype.kind == "f" and y.ndim <= MOST_DIMENSIONS:
        add_forward(y, x, y)
    else:
        y += x


def _gradient(dy: Any, needs: tuple[bool, bool], a: Any, b: Any) -> Any:
    return dy if needs[0] else None, dy if needs[1] else None


add.shorten(add_forward, _gradient)
