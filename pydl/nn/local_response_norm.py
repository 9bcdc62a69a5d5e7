"""LocalResponseNorm: numbers over the strength of neighbouring channels. See pydl/ops/local_response_norm.py."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..arguments import check_integer, check_number
from ..tensor import Tensor
from .module import Module


class LocalResponseNorm(Module):
    """x / (k + alpha / size (sum of squares over `size` channels around))^beta: (N, C, *)."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = check_integer("LocalResponseNorm", "size", size, 1)
        self.alpha = check_number("LocalResponseNorm", "alpha", alpha)
        self.beta = check_number("LocalResponseNorm", "beta", beta)
        self.k = check_number("LocalResponseNorm", "k", k)

    def forward(self, input: Any) -> Tensor:
        return ops.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
