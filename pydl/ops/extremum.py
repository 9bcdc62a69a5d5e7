"""What maximum and minimum share: their samples, and what they return given their kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from .broadcasting import empty_for, fit, operands


def gradient_by(backward: Any) -> Any:
    """The gradient by a kernel that gives that of its first argument: the two may change places."""

    def gradient(dy: Any, needs: tuple[bool, bool], a: Any, b: Any) -> Any:
        da = db = None
        if needs[0]:
            da = empty_for(dy, a)
            backward(dy, a, b, da)
        if needs[1]:
            db = empty_for(dy, b)
            backward(dy, b, a, db)
        return da, db

    return gradient


def extremum(op: str, input: Any, other: Any, of_integers: Any, forward: Any, gradient: Any) -> Any:
    """What the op returns. of_integers: numpy's function, which has no gradient."""
    a, b, y, a_form, b_form = operands(op, input, other)
    if y.dtype.kind != "f":
        return of_integers(a, b, out=y)
    forward(a, b, y)

    def summed(dy, needs):
        da, db = gradient(dy, needs, a, b)
        return fit(da, a_form), fit(db, b_form)

    return y, summed, ("input", "other")


def draw_forward(draw: Any) -> dict[str, Any]:
    """For samples of the forward kernels."""
    a, b, shape = draw.broadcast_pair()
    return {"a": a, "b": b, "y": draw.out(shape)}


def draw_backward(draw: Any) -> dict[str, Any]:
    """For samples of the backward kernels."""
    a, b, shape = draw.broadcast_pair()
    for x in (a, b):
        np.round(x, out=x)  # so that some are equal
    return {"dy": draw.array(shape), "a": a, "b": b, "da": draw.out(shape)}
