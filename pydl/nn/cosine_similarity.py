"""CosineSimilarity: the cosine of the angle between vectors. See pydl/ops/cosine_similarity.py."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..tensor import Tensor
from .module import Module


class CosineSimilarity(Module):
    """x1 x2 / (|x1| |x2|) along dim; lengths below eps count as eps."""

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Any, x2: Any) -> Tensor:
        result: Tensor = ops.cosine_similarity(x1, x2, self.dim, self.eps)
        return result
