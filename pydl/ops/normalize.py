"""Vectors of length 1.

y = x / max(|x|, eps)      |x| = (sum over dim of |x|^p)^(1/p)
"""

from __future__ import annotations

from typing import Any

from ..arguments import check_dim, check_float, check_number, check_range
from ..tensor import Tensor
from .clamp import clamp
from .div import div
from .norm import norm


def normalize(input: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """input divided by its length along dim. See the top of this file."""
    array = check_float("normalize", "input", input.data if isinstance(input, Tensor) else input)
    x = input if isinstance(input, Tensor) else Tensor(array)
    number, small = check_number("normalize", "p", p), check_range("normalize", "eps", eps, 0)
    if not number > 0:
        raise ValueError(f"normalize: p must be above 0, not {p}")
    return div(x, clamp(norm(x, number, check_dim("normalize", dim, x.ndim), True), small))
