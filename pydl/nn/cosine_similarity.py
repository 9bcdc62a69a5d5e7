"""How far vectors are apart: CosineSimilarity, PairwiseDistance. See pydl/ops/cosine_similarity.py, statistics.py."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..arguments import check_flag, check_number, check_range
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


class PairwiseDistance(Module):
    """The p-norm of x1 - x2 + eps along the last dimension."""

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm = check_number("PairwiseDistance", "p", p)
        self.eps = check_range("PairwiseDistance", "eps", eps, 0)
        self.keepdim = check_flag("PairwiseDistance", "keepdim", keepdim)

    def forward(self, x1: Any, x2: Any) -> Tensor:
        return ops.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
