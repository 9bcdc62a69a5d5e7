"""lerp: from one number to another, and what else is made of three numbers in one pass.

    lerp      y = a + c (b - a), from the nearer end: b - (1 - c) (b - a) where |c| >= 1/2
    addcmul   y = a + value b c
    addcdiv   y = a + value b / c
    hypot     y = sqrt(a^2 + b^2), without overflow on the way

Shapes    a, b, c: any that broadcast together; y: the broadcast shape
Gradient  lerp: da = dy - dy c, db = dy c, dc = dy (b - a); addcmul: da = dy, db = value dy c, dc = value dy b;
          addcdiv: da = dy, db = value dy / c, dc = -value dy b / c^2; hypot: da = dy a / y, db = dy b / y, or 0
          where y is; each summed over the copies that broadcasting made
Special   lerp gives b where c = 1; hypot is infinite where a or b is, whatever the other one
Source    IEEE 754-2019, sections 5.4.1 and 9.2 (hypot); the product and quotient rules of the calculus
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._compiled import are_usual_floats
from ..arguments import check_number
from ..op import empty, empty_like, op
from ..tensor import Tensor
from .add import add
from .blend import LENGTH, LENGTH_BACKWARD, LINE, PRODUCT, QUOTIENT, blended, in_one_pass
from .broadcasting import broadcast_shape, empty_for, fit, form_of, operands, promote
from .div import div, div_backward_other
from .mul import mul, mul_forward
from .sub import sub, sub_forward


@op("input", "other", "third")
def blend(input: Any, other: Any, third: Any, name: str, form: int, value: float) -> Any:
    """One of the first three forms, of arrays of one float dtype; of LINE of any, and a number as third."""
    a, b, c = input, other, third
    if form == LINE:
        if isinstance(c, float) and are_usual_floats([a]):
            c = np.asarray(c, a.dtype)
        if not are_usual_floats([a, b, c]):
            a, b, c = promote(name, {"input": input, "end": other, "weight": third}, division=True)
    alike = a.shape == b.shape and (c.ndim == 0 or a.shape == c.shape)
    shape = a.shape if alike else broadcast_shape(name, a, b, c)
    y = blended(form, value, a, b, c, empty_like(a) if a.shape == shape else empty(shape, a.dtype))

    def gradient(dy, needs):
        nothing = np.zeros((), dy.dtype)
        da: Any = dy if needs[0] else None
        db: Any = None
        dc: Any = None
        if form == LINE:
            db = empty_for(dy, b)
            mul_forward(dy, c, db)
            if needs[0]:
                da = empty_for(dy, a)
                sub_forward(dy, db, da)
            if needs[2]:
                dc = sub(b, a).data
                dc = mul(dc, dy).data
        else:
            if needs[1]:
                db = blended(form, value, nothing, dy, c, empty_for(dy, b))
            if needs[2] and form == PRODUCT:
                dc = blended(form, value, nothing, dy, b, empty_for(dy, c))
            elif needs[2]:
                dc = empty_for(dy, c)
                div_backward_other(dy, b, c, dc)
                dc = mul(dc, value).data
        forms = map(form_of, (input, other, third), (a, b, c))
        return tuple(map(fit, (da, db if needs[1] else None, dc), forms))

    return y, gradient, _SAVES[form]


_ARRAYS = Tensor, np.ndarray
_SAVES = {
    PRODUCT: (("third", 1), ("other", 2)),
    QUOTIENT: (("third", 1), ("other", 2), ("third", 2)),
    LINE: (("third", 0), ("third", 1), ("input", 2), ("other", 2)),
}


def lerp(input: Any, end: Any, weight: Any) -> Tensor:
    """From input, weight 0, to end, weight 1, in a straight line."""
    share = weight if isinstance(weight, _ARRAYS) else check_number("lerp", "weight", weight)
    return blend(input, end, share, "lerp", LINE, 1.0)


def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Tensor:
    """input + value * tensor1 * tensor2."""
    factor = check_number("addcmul", "value", value)
    if in_one_pass(input, tensor1, tensor2):
        return blend(input, tensor1, tensor2, "addcmul", PRODUCT, factor)
    return add(input, mul(tensor1, tensor2), alpha=factor)


def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Tensor:
    """input + value * tensor1 / tensor2."""
    factor = check_number("addcdiv", "value", value)
    if in_one_pass(input, tensor1, tensor2):
        return blend(input, tensor1, tensor2, "addcdiv", QUOTIENT, factor)
    return add(input, div(tensor1, tensor2), alpha=factor)


@op("input", "other")
def hypot(input: Any, other: Any) -> Any:
    """The length of the vector (input, other), without overflow on the way; it has no gradient where it is 0."""
    a, b, y, a_form, b_form = operands("hypot", input, other, division=True)
    blended(LENGTH, 1.0, a, b, a, y)

    def gradient(dy, needs):
        da = blended(LENGTH_BACKWARD, 1.0, dy, a, y, empty_for(dy, a)) if needs[0] else None
        db = blended(LENGTH_BACKWARD, 1.0, dy, b, y, empty_for(dy, b)) if needs[1] else None
        return fit(da, a_form), fit(db, b_form)

    return y, gradient, (("input", 0), ("other", 1), "output")
