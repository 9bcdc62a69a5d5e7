"""EmbeddingBag: learned rows of numbers for words, joined for bags of words. See pydl/ops/embedding_bag.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..arguments import check_choice, check_flag
from ..tensor import Tensor
from .embedding import Embedding


class EmbeddingBag(Embedding):
    """input (B, L), or (M) with offsets (B), integers; output (B, embedding_dim): the sum, mean or largest of the rows.

    weight (num_embeddings, embedding_dim), drawn from N(0, 1). padding_idx: a word that does not count.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        *,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__(
            num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, dtype=dtype
        )
        self.mode = check_choice("EmbeddingBag", "mode", mode, "sum", "mean", "max")
        self.include_last_offset = check_flag("EmbeddingBag", "include_last_offset", include_last_offset)

    def forward(self, input: Any, offsets: Any = None, per_sample_weights: Any = None) -> Tensor:
        return ops.embedding_bag(
            input,
            self.weight,
            offsets,
            scale_grad_by_freq=self.scale_grad_by_freq,
            mode=self.mode,
            sparse=self.sparse,
            per_sample_weights=per_sample_weights,
            include_last_offset=self.include_last_offset,
            padding_idx=self.padding_idx,
        )

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, mode={self.mode!r}"
