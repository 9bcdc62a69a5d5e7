"""pow: the power.

    y = a^b

Shapes    a, b: any that broadcast together; y: the broadcast shape. Integers stay integers; their exponents must not
          be negative
Gradient  da = dy b a^(b - 1), which is 0 where b = 0
          db = dy y ln a, which is 0 where a = 0 and b >= 0
          each summed over the copies that broadcasting made
Special   a^0 = 1 and 1^b = 1, for NaN as well; a negative a to a fraction is NaN
Source    IEEE 754-2019, section 9.2.1 (pow); NIST Digital Library of Mathematical Functions, 4.2.26
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import kernel, op
from .broadcasting import empty_for, fit, operands
from .clone import copy
from .div import invert, one
from .square import square_backward, square_forward


@kernel(writes="y")
def pow_forward(a, b, y):
    a, b = np.broadcast_to(a, y.shape), np.broadcast_to(b, y.shape)
    for i in np.ndindex(y.shape):
        y[i] = a[i] ** b[i]


@kernel(writes="da")
def pow_backward_input(dy, a, b, da):
    a, b = np.broadcast_to(a, da.shape), np.broadcast_to(b, da.shape)
    for i in np.ndindex(da.shape):
        da[i] = 0.0 if b[i] == 0.0 else dy[i] * b[i] * a[i] ** (b[i] - 1.0)


@kernel(writes="db")
def pow_backward_exponent(dy, a, b, y, db):
    a, b = np.broadcast_to(a, db.shape), np.broadcast_to(b, db.shape)
    for i in np.ndindex(db.shape):
        db[i] = 0.0 if a[i] == 0.0 and b[i] >= 0.0 else dy[i] * y[i] * np.log(a[i])


def draw_powers(draw):
    """A base and exponents of its shape, or the one exponent that squares and roots have."""
    a, b, shape = draw.broadcast_pair(0.2, 3.0)
    if draw.choice(True, False):
        b = np.full((1,) * b.ndim, draw.choice(-1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4), b.dtype)
        shape = np.broadcast_shapes(a.shape, b.shape)
    return a, b, shape


@pow_forward.samples
def _(draw):
    a, b, shape = draw_powers(draw)
    return {"a": a, "b": b, "y": draw.out(shape)}


@pow_backward_input.samples
def _(draw):
    a, b, shape = draw_powers(draw)
    return {"dy": draw.array(shape), "a": a, "b": b, "da": draw.out(shape)}


@pow_backward_exponent.samples
def _(draw):
    a, b, shape = draw_powers(draw)
    return {"dy": draw.array(shape), "a": a, "b": b, "y": draw.array(shape), "db": draw.out(shape)}


@op("input", "exponent")
def pow(input: Any, exponent: Any) -> Any:
    """input to the power of exponent, element by element. See the top of this file."""
    a, b, y, a_form, b_form = operands("pow", input, exponent, ("input", "exponent"))
    if y.dtype.kind == "b":
        return np.greater_equal(a, b, out=y)  # only 0^1 is 0
    if y.dtype.kind != "f":
        if (b < 0).any():
            raise ValueError("pow: exponent is negative, but integers have no integer powers of that kind")
        return np.power(a, b, out=y)
    # By the kernels of square, clone and div, to the same bits: they are quicker, and recordings join them with others.
    # Nothing is read of a where it does not matter.
    number = exponent if type(exponent) in (int, float) else None
    is_square = number == 2
    if is_square:
        square_forward(a, y)
    elif number == 1:
        copy(a, y)
    elif number == -1:
        invert(a, y)
    elif number == 0:
        pow_forward(one(a.dtype), b, y)
    else:
        pow_forward(a, b, y)

    def gradient(dy, needs):
        da = db = None
        if needs[0]:
            da = empty_for(dy, a)
            if is_square:
                square_backward(dy, a, da)
            elif number == 0:
                pow_backward_input(one(a.dtype), one(a.dtype), b, da)
            else:
                pow_backward_input(dy, a, b, da)
        if needs[1]:
            db = empty_for(dy, b)
            pow_backward_exponent(dy, a, b, y, db)
        return fit(da, a_form), fit(db, b_form)

    return y, gradient, ("input", "exponent", ("output", 1))
