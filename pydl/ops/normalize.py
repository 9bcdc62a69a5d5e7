"""Vectors of length 1.

y = x / max(|x|, eps)      |x| = (sum over dim of |x|^p)^(1/p)
"""

from __future__ import annotations

from typing import Any

from ..arguments import check_dim, check_float, check_number, check_range
from ..tensor import Tensor
from .abs import abs
from .amax import amax
from .clamp import clamp
from .div import div
from .pow import pow
from .sqrt import sqrt
from .square import square
from .sum import sum


def _length(x: Tensor, p: float, dim: int, eps: float) -> Tensor:
    """max(|x|, eps), with a dimension of 1 in place of dim; the root is drawn of what is above 0."""
    if p == 2.0:
        return sqrt(clamp(sum(square(x), dim, True), max(eps * eps, 1e-37)))
    if p == float("inf"):
        return clamp(amax(abs(x), dim, True), eps)
    total = sum(abs(x) if p == 1.0 else pow(abs(x), p), dim, True)
    return clamp(total if p == 1.0 else pow(total, 1.0 / p), eps)


def normalize(input: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """input divided by its length along dim. See the top of this file."""
    array = check_float("normalize", "input", input.data if isinstance(input, Tensor) else input)
    x = input if isinstance(input, Tensor) else Tensor(array)
    number, small = check_number("normalize", "p", p), check_range("normalize", "eps", eps, 0)
    if not number > 0:
        raise ValueError(f"normalize: p must be above 0, not {p}")
    return div(x, _length(x, number, check_dim("normalize", dim, x.ndim), small))
