"""remainder: what a division by whole numbers leaves; so does fmod; floor_divide is that whole number.

    floor_divide   q = floor(a / b)
    remainder      y = a - b floor(a / b), with the sign of b, as Python's %
    fmod           y = a - b trunc(a / b), with the sign of a, as C's %

Shapes    a, b: any that broadcast together; y: the broadcast shape
Gradient  da = dy, db = -dy times the whole number, each summed over the copies that broadcasting made; of floor_divide
          there is none, it is constant but for steps
Special   x / 0 is an infinity or NaN, the rest of it NaN; integers are not divided by 0
Source    Knuth, "The art of computer programming", volume 1 (1997), section 1.2.4
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..op import empty_like, kernel, op
from .broadcasting import fit, operands
from .clone import MOST_DIMENSIONS
from .mul import mul_forward
from .neg import neg_forward

FMOD, REMAINDER, FLOOR_DIVIDE, TRUNC_DIVIDE = range(4)  # the forms of the kernel, as in csrc/remainder.cpp


@kernel(writes="y")
def remainder_forward(a, b, form, y):
    a, b = np.broadcast_to(a, y.shape), np.broadcast_to(b, y.shape)
    for i in np.ndindex(y.shape):
        quotient = a[i] / b[i]
        if form == TRUNC_DIVIDE:
            y[i] = np.trunc(quotient)
            continue
        rest = math.fmod(a[i], b[i]) if math.isfinite(a[i]) and b[i] != 0 else math.nan
        other_sign = rest * np.copysign(1, b[i]) < 0
        if form == FMOD:
            y[i] = rest
        elif form == REMAINDER:
            y[i] = rest + b[i] if other_sign else rest
        else:
            y[i] = quotient if b[i] == 0 else np.rint((a[i] - rest) / b[i]) - other_sign


@remainder_forward.samples
def _(draw):
    a, b, shape = draw.broadcast_pair()
    form = draw.integer(FMOD, TRUNC_DIVIDE)
    # Eighths and a divisor that divides exactly: no quotient is beside an integer by rounding.
    np.round(a * 8, out=a)
    b[...] = np.where(b < 0, -0.25, 2.0)
    return {"a": a, "b": b, "form": form, "y": draw.out(shape)}


@kernel(writes="y")
def remainder_integers(a, b, form, y):
    """The same of int64, modulo 2^64; 0 where b is 0."""
    a, b = np.broadcast_to(a, y.shape), np.broadcast_to(b, y.shape)
    for i in np.ndindex(y.shape):
        x, z = int(a[i]), int(b[i])
        floor, rest = divmod(x, z) if z else (0, 0)
        other_sign = rest != 0 and (x < 0) != (z < 0)
        whole = floor + other_sign if form in (FMOD, TRUNC_DIVIDE) else floor
        number = x - whole * z if form in (FMOD, REMAINDER) else whole
        y[i] = (number + 2**63) % 2**64 - 2**63 if z else 0


@remainder_integers.samples
def _(draw):
    a, b, shape = draw.broadcast_pair()
    numbers = draw.choice(20, 2**51 + 1, 2**63 - 1)
    a, b = (np.asarray(draw.integers(each.shape, -numbers, numbers)) for each in (a, b))
    b[...] >>= draw.integer(0, 62)
    a[np.asarray(draw.integers(a.shape, 0, 9)) == 0] = -(2**63)
    return {"a": a, "b": b, "form": draw.integer(FMOD, TRUNC_DIVIDE), "y": draw.out(shape, np.int64)}


def divided(name: str, form: int, of_integers: Any, input: Any, other: Any) -> tuple[Any, ...]:
    """The operands, the result, and what the gradients look like. of_integers(a, b, out): what integers give."""
    a, b, y, a_form, b_form = operands(name, input, other)
    if y.dtype.kind == "f":
        remainder_forward(a, b, form, y)
        return a, b, y, a_form, b_form
    if y.dtype.kind == "b":
        raise TypeError(f"{name}: the arguments are bool but must be numbers")
    if np.count_nonzero(b) < b.size:
        raise ValueError(f"{name}: other is 0 somewhere, and integers are not divided by 0")
    if y.dtype == np.int64 and y.ndim <= MOST_DIMENSIONS:
        remainder_integers(a, b, form, y)
    else:
        of_integers(a, b, out=y)
    return a, b, y, a_form, b_form


def _rest(name: str, form: int, whole: int, of_integers: Any, input: Any, other: Any) -> Any:
    a, b, y, a_form, b_form = divided(name, form, of_integers, input, other)

    def gradient(dy, needs):
        db = None
        if needs[1]:
            db = empty_like(dy)
            remainder_forward(a, b, whole, db)
            mul_forward(db, dy, db)
            neg_forward(db, db)
        return fit(dy if needs[0] else None, a_form), fit(db, b_form)

    return y, gradient, (("input", 1), ("other", 1))


@op("input", "other")
def remainder(input: Any, other: Any) -> Any:
    """input % other, with the sign of other. See the top of this file."""
    return _rest("remainder", REMAINDER, FLOOR_DIVIDE, np.remainder, input, other)


@op("input", "other")
def fmod(input: Any, other: Any) -> Any:
    """The rest of input / other, with the sign of input. See the top of this file."""
    return _rest("fmod", FMOD, TRUNC_DIVIDE, np.fmod, input, other)


@op("input", "other")
def floor_divide(input: Any, other: Any) -> Any:
    """input // other: the largest whole number that is not above the quotient. See the top of this file."""
    return divided("floor_divide", FLOOR_DIVIDE, np.floor_divide, input, other)[2]


def trunc_quotient(a: Any, b: Any, out: Any) -> None:
    """a / b of integers without what is behind the point."""
    np.floor_divide(a, b, out=out)
    out += (np.remainder(a, b) != 0) & ((a < 0) != (b < 0))
