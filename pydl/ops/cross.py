"""cross: the vectors at right angles to two others, of three numbers along a dimension.

    y[0] = a[1] b[2] - a[2] b[1]    y[1] = a[2] b[0] - a[0] b[2]    y[2] = a[0] b[1] - a[1] b[0]

Shapes    a and b (*), of which dim has size 3; broadcast against each other
Gradient  da = b x dy, db = dy x a
Source    Golub, Van Loan, "Matrix Computations" (2013), exercise 1.2
"""

from __future__ import annotations

from typing import Any

from ..arguments import Array, check_dim
from ..op import empty, op
from ..tensor import Tensor, as_tensor
from .broadcasting import broadcast_shape
from .cat import stack
from .mul import mul, mul_forward
from .split import unbind
from .sub import sub, sub_forward


def _crossed(x: Array, z: Array, d: int) -> Array:
    y: Array = empty(x.shape, x.dtype)
    before: tuple[Any, ...] = (slice(None),) * d
    a, b, result = ([each[(*before, k, ...)] for k in range(3)] for each in (x, z, y))
    first, second = (empty(a[0].shape, x.dtype) for _ in range(2))
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        mul_forward(a[i], b[j], first)
        mul_forward(a[j], b[i], second)
        sub_forward(first, second, result[k])
    return y


@op("input", "other")
def _cross(input: Any, other: Any, d: int) -> Any:
    """Of floats of one shape and dtype."""

    def gradient(dy, needs):
        return _crossed(other, dy, d) if needs[0] else None, _crossed(dy, input, d) if needs[1] else None

    return _crossed(input, other, d), gradient, ("input", "other")


def cross(input: Any, other: Any, dim: int | None = None) -> Tensor:
    """The vectors at right angles to input and other; dim: the first of three numbers unless given."""
    x, z = as_tensor("cross", input), as_tensor("cross", other)
    shape = broadcast_shape("cross", x.data, z.data)
    threes = [d for d, size in enumerate(shape) if size == 3]
    d = check_dim("cross", dim, len(shape)) if dim is not None else threes[0] if threes else -1
    if d not in threes:
        raise ValueError(f"cross: dim must name a dimension of 3 numbers (input {x.shape}, other {z.shape})")
    x, z = (t if t.shape == shape else t.expand(shape) for t in (x, z))
    if x.dtype == z.dtype and x.dtype.kind == "f":
        y: Tensor = _cross(x, z, d)
        return y
    (a, b, c), (p, q, r) = (unbind(t, d) for t in (x, z))
    return stack([sub(mul(b, r), mul(c, q)), sub(mul(c, p), mul(a, r)), sub(mul(a, q), mul(b, p))], d)
