"""What maximum and minimum share: their samples, and what they return given their kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from .broadcasting import empty_for, fit, operands


def extremum(op: str, input: Any, other: Any, of_integers: Any, forward: Any, backward: Any) -> Any:
    """What the op returns. The backward kernel gives the gradient of its first argument, and they may change places.

    of_integers: numpy's function, which has no gradient.
    """
    a, b, y, a_form, b_form = operands(op, input, other)
    if y.dtype.kind != "f":
        return of_integers(a, b, out=y)
    forward(a, b, y)

    def gradient(dy, needs):
        da = db = None
        if needs[0]:
            da = empty_for(dy, a)
            backward(dy, a, b, da)
            da = fit(da, a_form)
        if needs[1]:
            db = empty_for(dy, b)
            backward(dy, b, a, db)
            db = fit(db, b_form)
        return da, db

    return y, gradient, ("input", "other")


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
