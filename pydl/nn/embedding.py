"""Embedding: a learned row of numbers for every word. See pydl/ops/embedding.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..arguments import check_flag, check_float_dtype, check_floats, check_integer, check_rank
from ..op import empty
from ..ops.embedding import check_padding, refuse_max_norm
from ..tensor import Tensor
from .init import normal_
from .module import Module
from .parameter import Parameter


class Embedding(Module):
    """input (*) of integers from 0 to num_embeddings - 1, output (*, embedding_dim).

    weight (num_embeddings, embedding_dim), drawn from N(0, 1). padding_idx: the row that stands for no word; it starts
    as zeros and gets no gradient. scale_grad_by_freq: the gradient of a row is divided by how often the batch names it.
    sparse: the gradient is SparseRows, the batch's rows alone, for SparseAdam, Adagrad or SGD. max_norm must be None.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        *,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__()
        self.num_embeddings = check_integer("Embedding", "num_embeddings", num_embeddings, 0)
        self.embedding_dim = check_integer("Embedding", "embedding_dim", embedding_dim, 0)
        self.padding_idx: int | None = None
        if padding_idx is not None:
            self.padding_idx = check_padding("Embedding", padding_idx, num_embeddings)
        refuse_max_norm("Embedding", max_norm)
        self.scale_grad_by_freq = check_flag("Embedding", "scale_grad_by_freq", scale_grad_by_freq)
        self.sparse = check_flag("Embedding", "sparse", sparse)
        self.weight = Parameter(empty((num_embeddings, embedding_dim), check_float_dtype("Embedding", dtype)))
        self.reset_parameters()

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Any,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """A layer with the given table (num_embeddings, embedding_dim), copied; freeze: it is not to be trained."""
        (table,) = check_floats("Embedding.from_pretrained", embeddings=embeddings)
        check_rank("Embedding.from_pretrained", "embeddings", table, 2, layout="(num_embeddings, embedding_dim)")
        V, D = table.shape
        layer = cls(
            V,
            D,
            padding_idx=padding_idx,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            sparse=sparse,
            dtype=table.dtype,
        )
        layer.weight.data[...] = table
        layer.weight.requires_grad = not check_flag("Embedding.from_pretrained", "freeze", freeze)
        return layer

    def reset_parameters(self) -> None:
        """Draws the table anew."""
        normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0

    def forward(self, input: Any) -> Tensor:
        return ops.embedding(
            input,
            self.weight,
            self.padding_idx,
            scale_grad_by_freq=self.scale_grad_by_freq,
            sparse=self.sparse,
        )

    def extra_repr(self) -> str:
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        text += "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return text + "".join(f", {name}=True" for name in ("scale_grad_by_freq", "sparse") if getattr(self, name))
