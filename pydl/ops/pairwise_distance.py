"""pairwise_distance: the distance of vectors.

    y[k] = norm of x1[k] - x2[k] + eps

Shapes    x1 and x2 (*, D), which broadcast; y (*), or (*, 1) if keepdim
Gradient  of the operations that it is made of; 0 where a length is 0
Source    Golub, Van Loan, "Matrix computations" (1996), section 2.2
"""

from __future__ import annotations

from typing import Any

from ..arguments import check_flag, check_number, check_range
from ..tensor import Tensor
from .broadcasting import broadcast_shape
from .norm import floats, norm


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The length of x1 - x2 + eps along the last dimension; shapes broadcast."""
    name = "pairwise_distance"
    a, b = floats(name, x1), floats(name, x2)
    if not broadcast_shape(name, a.data, b.data):
        raise ValueError(f"{name}: x1 and x2 have no dimension to be vectors along")
    kind, keep = check_number(name, "p", p), check_flag(name, "keepdim", keepdim)
    return norm(a - b + check_range(name, "eps", eps, 0), kind, -1, keep)
