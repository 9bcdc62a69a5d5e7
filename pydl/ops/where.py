"""where: a choice between two arrays.

    y = a where condition holds, else b

Shapes    condition (bool), a, b: any that broadcast together; y: the broadcast shape
Gradient  da = dy where condition holds, else 0; db = dy where it does not, else 0; each summed over the copies that
          broadcasting made
Source    Harris et al., "Array programming with NumPy", Nature 585 (2020); the derivative of a function by cases
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Array, check_array
from ..op import empty, kernel, op
from .broadcasting import broadcast_shape, empty_for, fit, operands
from .clone import MOST_DIMENSIONS


@kernel(writes="y")
def where_forward(condition, a, b, y):
    condition, a, b = (np.broadcast_to(x, y.shape) for x in (condition, a, b))
    for i in np.ndindex(y.shape):
        y[i] = a[i] if condition[i] else b[i]


@where_forward.samples
def _(draw):
    a, b, shape = draw.broadcast_pair()
    chosen = tuple(draw.choice(size, size, 1) for size in shape)
    return {"condition": draw.integers(chosen, 0, 1).astype(bool), "a": a, "b": b, "y": draw.out(shape)}


def _bits(x: Array) -> Array:
    """Integers as floats that have the same bits: the kernel moves them, and does not look at them."""
    return x.view(np.float32 if x.dtype.itemsize == 4 else np.float64)


def _choose(condition: Any, a: Any, b: Any, y: Any) -> None:
    """y = a where condition holds, else b, of integers or truth values."""
    if y.dtype.kind == "b":  # bit by bit: b, and what a changes of it
        np.bitwise_xor(a, b, out=y)
        np.bitwise_and(y, condition, out=y)
        np.bitwise_xor(y, b, out=y)
    elif y.dtype.kind in "iu" and y.dtype.itemsize >= 4 and y.ndim <= MOST_DIMENSIONS:
        where_forward(condition, _bits(a), _bits(b), _bits(y))
    else:
        np.copyto(y, np.where(condition, a, b))


def numbers_of(truths: Array, y: Array) -> None:
    """y = 1 where the truth values hold, else 0, in float32, float64 or int64."""
    one = np.ones((), y.dtype)
    numbers = (one, np.zeros_like(one), y)
    where_forward(truths, *(_bits(each) if y.dtype.kind == "i" else each for each in numbers))


@op("condition", "input", "other")
def where(condition: Any, input: Any, other: Any) -> Any:
    """input where condition holds, else other, element by element. See the top of this file."""
    chosen = check_array("where", "condition", condition)
    if chosen.dtype.kind != "b":
        raise TypeError(f"where: condition has dtype {chosen.dtype} but must be bool; compare it with something")
    a, b, y, a_form, b_form = operands("where", input, other)
    if y.shape != chosen.shape:
        y = empty(broadcast_shape("where", chosen, a, b), a.dtype)
    if y.dtype.kind != "f":
        _choose(chosen, a, b, y)
        return y
    where_forward(chosen, a, b, y)

    def gradient(dy, needs):
        zero = np.zeros((), dy.dtype)
        da = db = None
        if needs[1]:
            da = empty_for(dy, a)
            where_forward(chosen, dy, zero, da)
        if needs[2]:
            db = empty_for(dy, b)
            where_forward(chosen, zero, dy, db)
        return None, fit(da, a_form), fit(db, b_form)

    return y, gradient, ("condition",)
