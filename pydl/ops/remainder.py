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

from typing import Any

import numpy as np

from ..op import op
from .broadcasting import fit, operands


def divided(name: str, form: Any, input: Any, other: Any) -> tuple[Any, ...]:
    """The operands, the result form(a, b, out), and what the gradients look like."""
    a, b, y, a_form, b_form = operands(name, input, other)
    if y.dtype.kind == "b":
        raise TypeError(f"{name}: the arguments are bool but must be numbers")
    if y.dtype.kind != "f" and not b.all():
        raise ValueError(f"{name}: other is 0 somewhere, and integers are not divided by 0")
    with np.errstate(all="ignore"):
        form(a, b, out=y)
    return a, b, y, a_form, b_form


def _rest(name: str, form: Any, whole: Any, input: Any, other: Any) -> Any:
    a, b, y, a_form, b_form = divided(name, form, input, other)

    def gradient(dy, needs):
        with np.errstate(all="ignore"):
            count = np.empty_like(dy)
            whole(a, b, count)
            db = fit(np.asarray(-dy * count), b_form) if needs[1] else None
        return fit(dy, a_form) if needs[0] else None, db

    return y, gradient, (("input", 1), ("other", 1))


@op("input", "other")
def remainder(input: Any, other: Any) -> Any:
    """input % other, with the sign of other. See the top of this file."""
    return _rest("remainder", np.remainder, floor_quotient, input, other)


@op("input", "other")
def fmod(input: Any, other: Any) -> Any:
    """The rest of input / other, with the sign of input. See the top of this file."""
    return _rest("fmod", np.fmod, trunc_quotient, input, other)


@op("input", "other")
def floor_divide(input: Any, other: Any) -> Any:
    """input // other: the largest whole number that is not above the quotient. See the top of this file."""
    return divided("floor_divide", floor_quotient, input, other)[2]


def floor_quotient(a: Any, b: Any, out: Any) -> None:
    """The largest whole number that is not above a / b."""
    np.floor_divide(a, b, out=out)
    if out.dtype.kind == "f":  # numpy says NaN of x // 0
        np.copyto(out, a / b, where=np.equal(b, 0))


def trunc_quotient(a: Any, b: Any, out: Any) -> None:
    """a / b without what is behind the point."""
    if out.dtype.kind == "f":
        np.trunc(a / b, out=out)
    else:
        np.floor_divide(a, b, out=out)
        out += (np.remainder(a, b) != 0) & ((a < 0) != (b < 0))
