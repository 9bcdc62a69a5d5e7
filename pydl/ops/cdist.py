"""cdist: the distances of every row of one matrix from every row of another.

    y[n, p, r] = (sum over m of |x1[n, p, m] - x2[n, r, m]|^p)^(1/p)      the kernel for p = 2

Shapes    x1 (*, P, M), x2 (*, R, M); y (*, P, R), whose leading dimensions broadcast
Gradient  for p = 2 dx1[n, p, m] = sum over r of g[n, p, r] (x1[n, p, m] - x2[n, r, m]) with g = dy / y, 0 where y is 0,
          and the other way round; else that of the operations it is made of
Source    Deza, Deza, "Encyclopedia of distances" (2009)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._compiled import are_usual_floats
from ..arguments import Array, check_range
from ..op import empty, kernel, op
from ..tensor import Tensor, as_tensor
from .div import div_forward
from .matmul import matmul_forward
from .mul import mul_forward
from .norm import norm
from .reshape import unsqueeze
from .sub import sub, sub_forward
from .sum_to import sum_to
from .where import where_forward


@kernel(writes="y")
def cdist_forward(a, b, y):
    for n, p, r in np.ndindex(y.shape):
        y[n, p, r] = math.sqrt(sum((a[n, p, m] - b[n, r, m]) ** 2 for m in range(a.shape[2])))


@cdist_forward.samples
def _(draw):
    N, P, R, M = draw.integer(0, 2), draw.integer(0, 9), draw.integer(0, 70), draw.choice(draw.integer(0, 9), 130)
    y = np.ascontiguousarray(draw.out((N, P, R)))
    return {"a": draw.array((N, P, M), finite=True), "b": draw.array((N, R, M), finite=True), "y": y}


def _toward(g: Array, a: Array, b: Array) -> Array:
    """sum over r of g[n, p, r] (a[n, p, m] - b[n, r, m]), given numbers near 0."""
    da, product = empty(a.shape, a.dtype), empty(a.shape, a.dtype)
    mul_forward(a, sum_to(g, (*g.shape[:2], 1)), da)
    matmul_forward(g, b, product)
    sub_forward(da, product, da)
    return da


@op("x1", "x2")
def _euclidean(x1: Any, x2: Any) -> Any:
    *N, P, M = x1.shape
    R = x2.shape[-2]
    a, b = (each.reshape(math.prod(N), *each.shape[-2:]) for each in (x1, x2))
    y = empty((math.prod(N), P, R), x1.dtype)
    cdist_forward(a, b, y)

    def gradient(dy, needs):
        g, zero = empty(y.shape, y.dtype), np.zeros((), y.dtype)
        div_forward(dy.reshape(y.shape), y, g)
        where_forward(y != 0, g, zero, g)
        # The distances stay what they are when all rows are moved, and small numbers lose nothing when subtracted.
        middle = b[:, :1] if R else np.zeros((1, 1, M), y.dtype)
        near_a, near_b = empty(a.shape, a.dtype), empty(b.shape, b.dtype)
        sub_forward(a, middle, near_a)
        sub_forward(b, middle, near_b)
        dx1 = _toward(g, near_a, near_b).reshape(x1.shape) if needs[0] else None
        dx2 = _toward(g.swapaxes(1, 2), near_b, near_a).reshape(x2.shape) if needs[1] else None
        return dx1, dx2

    return y.reshape(*N, P, R), gradient, ("x1", "x2", "output")


def cdist(x1: Any, x2: Any, p: float = 2.0) -> Tensor:
    """The p-norm of the difference of every row of x1 and every row of x2. See the top of this file."""
    a, b = as_tensor("cdist", x1), as_tensor("cdist", x2)
    for name, each in (("x1", a), ("x2", b)):
        if each.ndim < 2:
            raise ValueError(f"cdist: {name} must be a matrix or a batch of them, but has shape {each.shape}")
    if a.shape[-1] != b.shape[-1]:
        raise ValueError(f"cdist: x1 {a.shape} and x2 {b.shape} must have rows of one length")
    kind = check_range("cdist", "p", p, 0)
    if kind == 2 and a.shape[:-2] == b.shape[:-2] and are_usual_floats([a.data, b.data]):
        return _euclidean(a, b)
    return norm(sub(unsqueeze(a, -2), unsqueeze(b, -3)), kind, -1)
