"""cross: the vectors at right angles to two others, of three numbers along a dimension.

    y[0] = a[1] b[2] - a[2] b[1]    y[1] = a[2] b[0] - a[0] b[2]    y[2] = a[0] b[1] - a[1] b[0]

Shapes    a and b (*), of which dim has size 3; broadcast against each other
Gradient  da = b x dy, db = dy x a
Source    Golub, Van Loan, "Matrix Computations" (2013), exercise 1.2
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Array, check_dim
from ..op import empty, kernel, op
from .broadcasting import fit, operands
from .clone import reshaped
from .mul import mul_forward
from .sub import sub_forward


@kernel(writes="y")
def cross_forward(a, b, y):
    for n in range(len(y)):
        for k in range(3):
            i, j = (k + 1) % 3, (k + 2) % 3
            y[n, k] = a[n, i] * b[n, j] - a[n, j] * b[n, i]


@cross_forward.samples
def _(draw):
    shape = draw.choice(draw.integer(0, 40), 5000), 3
    a, b = (np.round(draw.array(shape), 2) for _ in "ab")  # no difference is all rounding errors
    return {"a": a, "b": b, "y": draw.out(shape)}


def _crossed(a: Array, b: Array, y: Array, d: int) -> Array:
    """y, of which dimension d has the three numbers of each vector."""
    u, v = np.broadcast_to(a, y.shape), np.broadcast_to(b, y.shape)
    if d == y.ndim - 1 and y.dtype.kind == "f":
        rows = y.size // 3, 3
        cross_forward(reshaped(u, rows), reshaped(v, rows), y.reshape(rows))
        return y
    multiply, subtract = (mul_forward, sub_forward) if y.dtype.kind == "f" else (np.multiply, np.subtract)
    at: list[Any] = [(*(slice(None),) * d, k, ...) for k in range(3)]
    first, second = (empty(y[at[0]].shape, y.dtype) for _ in range(2))
    for k in range(3):
        i, j = at[(k + 1) % 3], at[(k + 2) % 3]
        multiply(u[i], v[j], first)
        multiply(u[j], v[i], second)
        subtract(first, second, y[at[k]])
    return y


@op("input", "other")
def cross(input: Any, other: Any, dim: int | None = None) -> Any:
    """The vectors at right angles to input and other; dim: the first of three numbers unless given."""
    a, b, y, a_form, b_form = operands("cross", input, other)
    threes = [d for d, size in enumerate(y.shape) if size == 3]
    d = check_dim("cross", dim, y.ndim) if dim is not None else threes[0] if threes else -1
    if d not in threes:
        raise ValueError(f"cross: dim must name a dimension of 3 numbers (input {a.shape}, other {b.shape})")
    if y.dtype.kind == "b":
        raise TypeError("cross: input and other are bool but must be numbers")
    _crossed(a, b, y, d)
    if y.dtype.kind != "f":
        return y

    def gradient(dy, needs):
        da = _crossed(b, dy, empty(dy.shape, dy.dtype), d) if needs[0] else None
        db = _crossed(dy, a, empty(dy.shape, dy.dtype), d) if needs[1] else None
        return fit(da, a_form), fit(db, b_form)

    return y, gradient, (("other", 0), ("input", 1))
