"""add: the sum.

    y = a + b

Shapes    a, b: any that broadcast together; y: the broadcast shape
Gradient  da = dy, db = dy, each summed over the copies that broadcasting made
Source    IEEE 754-2019, section 5.4.1 (addition); the sum rule of the calculus
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import kernel, op
from .broadcasting import fit, operands


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
def add(input: Any, other: Any) -> Any:
    """input + other, element by element. See the top of this file."""
    a, b, y, a_form, b_form = operands("add", input, other)
    if y.dtype.kind != "f":
        return np.add(a, b, out=y)
    add_forward(a, b, y)

    def gradient(dy, needs):
        return fit(dy, a_form) if needs[0] else None, fit(dy, b_form) if needs[1] else None

    return y, gradient, ()
