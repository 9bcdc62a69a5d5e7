"""LuongAttention: a decoder looks at an encoder's results by products of vectors, the multiplicative attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..arguments import Array, check_choice, check_float_dtype
from ..tensor import Tensor
from .attention import EncoderAttention
from .linear import Linear


class LuongAttention(EncoderAttention):
    """weights = softmax over the keys of q . k ("dot") or of (w q) . k ("general"), context = their sum of values.

    Parameters: none for "dot", for which query_size and key_size are equal; w.weight (key_size, query_size) for
    "general". The shapes of what it is called with stand at EncoderAttention.
    Source: Luong, Pham, Manning, "Effective approaches to attention-based neural machine translation", EMNLP 2015,
    section 3.1.
    """

    def __init__(
        self,
        query_size: int,
        key_size: int,
        score: str = "general",
        batch_first: bool = False,
        *,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__(query_size, key_size, batch_first)
        self.score = check_choice("LuongAttention", "score", score, "dot", "general")
        if score == "dot" and query_size != key_size:
            raise ValueError(
                f"LuongAttention: query_size is {query_size} but key_size {key_size}; score='dot' needs equal ones"
            )
        dtype = check_float_dtype("LuongAttention", dtype)
        self.w = Linear(query_size, key_size, bias=False, dtype=dtype) if score == "general" else None

    def forward(self, query: Any, keys: Any, values: Any = None, key_padding_mask: Any = None) -> tuple[Tensor, Tensor]:
        return self._look(query, keys, values, key_padding_mask, None)

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, allowed: Array | None, more: Any) -> tuple[Tensor, Tensor]:
        q = q if self.w is None else self.w(q)
        context, weights = ops.attention_with_weights(q, k, v, allowed, scale=1.0)
        return context, weights

    def extra_repr(self) -> str:
        return f"{self.query_size}, {self.key_size}, score={self.score!r}, batch_first={self.batch_first}"
