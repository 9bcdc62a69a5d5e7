"""blend: what is made of two or three numbers in one pass, without arrays for the steps on the way.

    SCALED    a + value b          PRODUCT          a + value b c
    QUOTIENT  a + value b / c      LINE             a + c (b - a), as b - (1 - c) (b - a) where |c| >= 1/2
    LENGTH    sqrt(a^2 + b^2)      LENGTH_BACKWARD  a b / c, 0 where c is
    LOG_SUM   ln(e^a + e^b)        SHARE            a / (1 + e^(c - b)), the part of a that e^b has of e^b + e^c
    BETWEEN   min(max(a, b), c)

Shapes    a, b, c: any that broadcast together; y: the broadcast shape. What a form does not name may be anything
Special   LENGTH does not overflow on the way, and is infinite where one of the two is; LINE gives b where c = 1;
          LOG_SUM does not overflow either, and SHARE takes equal infinities for equal numbers
Source    IEEE 754-2019, sections 5.4.1 and 9.2 (hypot)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._compiled import are_usual_floats, is_noting
from ..op import kernel

SCALED, PRODUCT, QUOTIENT, LINE, LENGTH, LENGTH_BACKWARD, LOG_SUM, SHARE, BETWEEN = range(9)  # as in csrc/blend.cpp


def _difference(a: float, b: float) -> float:
    return 0.0 if a == b else a - b  # also of infinities


_FORMS: dict[int, Any] = {
    SCALED: lambda a, b, c, value: a + value * b,
    PRODUCT: lambda a, b, c, value: a + value * b * c,
    QUOTIENT: lambda a, b, c, value: a + value * b / c,
    LINE: lambda a, b, c, value: a + c * (b - a) if abs(c) < 0.5 else b - (1 - c) * (b - a),
    LENGTH: lambda a, b, c, value: math.hypot(a, b),
    LENGTH_BACKWARD: lambda a, b, c, value: a * b / c if c else 0.0,
    LOG_SUM: lambda a, b, c, value: max(a, b) + math.log1p(math.exp(-abs(_difference(a, b)))),
    SHARE: lambda a, b, c, value: a / (1 + np.exp(_difference(c, b))),
    BETWEEN: lambda a, b, c, value: min(max(a, b), c),
}


@kernel(writes="y")
def blend_forward(a, b, c, form, value, y):
    a, b, c = (np.broadcast_to(each, y.shape) for each in (a, b, c))
    for i in np.ndindex(y.shape):
        y[i] = _FORMS[form](a[i], b[i], c[i], value)


@blend_forward.samples
def _(draw):
    a, b, shape = draw.broadcast_pair()
    c = draw.array(draw.choice(shape, ()), 0.5, 2.0)
    form, value = draw.choice(*_FORMS), draw.choice(1.0, -0.5)
    return {"a": a, "b": b, "c": c, "form": form, "value": value, "y": draw.out(shape)}


def in_one_pass(*values: Any) -> bool:
    """Whether these, tensors or arrays, are blended. Calls that are noted stay apart: they may become part of a longer
    chain.
    """
    return not is_noting() and are_usual_floats(list(values))


def blended(form: int, value: float, a: Any, b: Any, c: Any, y: Any) -> Any:
    """y, with the form of a, b and c in it."""
    blend_forward(a, b, c, form, value, y)
    return y
