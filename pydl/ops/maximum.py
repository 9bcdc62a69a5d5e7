"""maximum: the larger of two numbers.

    y = max(a, b)

Shapes    a, b: any that broadcast together; y: the broadcast shape
Gradient  dy to the larger of the two, half to each where they are equal
Special   NaN in either gives NaN
Source    IEEE 754-2019, section 9.6 (maximum); the halves are a subgradient, as PyTorch chooses it
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import empty, kernel, op
from .broadcasting import fit, operands


@kernel(writes="y")
def maximum_forward(a, b, y):
    a, b = np.broadcast_to(a, y.shape), np.broadcast_to(b, y.shape)
    for i in np.ndindex(y.shape):
        y[i] = a[i] if a[i] > b[i] or a[i] != a[i] else b[i]


@kernel(writes="da")
def maximum_backward(dy, a, b, da):
    a, b = np.broadcast_to(a, da.shape), np.broadcast_to(b, da.shape)
    for i in np.ndindex(da.shape):
        da[i] = 0.0 if a[i] < b[i] else dy[i] / 2.0 if a[i] == b[i] else dy[i]


@maximum_forward.samples
def _(draw):
    a, b, shape = draw.broadcast_pair()
    return {"a": a, "b": b, "y": draw.out(shape)}


@maximum_backward.samples
def _(draw):
    a, b, shape = draw.broadcast_pair()
    for x in (a, b):
        np.round(x, out=x)  # so that some are equal
    return {"dy": draw.array(shape), "a": a, "b": b, "da": draw.out(shape)}


@op("input", "other")
def maximum(input: Any, other: Any) -> Any:
    """The larger of input and other, element by element. See the top of this file."""
    a, b, y, a_form, b_form = operands("maximum", input, other)
    if y.dtype.kind != "f":
        return np.maximum(a, b, out=y)
    maximum_forward(a, b, y)

    def gradient(dy, needs):
        da = db = None
        if needs[0]:
            da = empty(dy.shape, dy.dtype)
            maximum_backward(dy, a, b, da)
            da = fit(da, a_form)
        if needs[1]:
            db = empty(dy.shape, dy.dtype)
            maximum_backward(dy, b, a, db)
            db = fit(db, b_form)
        return da, db

    return y, gradient, ("input", "other")
