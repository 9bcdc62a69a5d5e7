"""BahdanauAttention: a decoder looks at an encoder's results through a small network, the additive attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..arguments import Array, check_float_dtype, check_integer
from ..tensor import Tensor
from .attention import EncoderAttention, as_tensor
from .linear import Linear


class BahdanauAttention(EncoderAttention):
    """weights = softmax over the keys of v . tanh(w q + u k), context = sum of weights times values.

    Parameters: w.weight (hidden_size, query_size), u.weight (hidden_size, key_size), v.weight (1, hidden_size). The
    shapes of what it is called with stand at EncoderAttention. u k is the same in every step: a decoder that takes one
    at a time computes project(keys) once and hands it on as projected_keys.
    Source: Bahdanau, Cho, Bengio, "Neural machine translation by jointly learning to align and translate", ICLR 2015,
    appendix A.1.2.
    """

    def __init__(
        self, query_size: int, key_size: int, hidden_size: int, batch_first: bool = False, *, dtype: Any = np.float32
    ) -> None:
        super().__init__(query_size, key_size, batch_first)
        self.hidden_size = check_integer("BahdanauAttention", "hidden_size", hidden_size, 1)
        dtype = check_float_dtype("BahdanauAttention", dtype)
        self.w = Linear(query_size, hidden_size, bias=False, dtype=dtype)
        self.u = Linear(key_size, hidden_size, bias=False, dtype=dtype)
        self.v = Linear(hidden_size, 1, bias=False, dtype=dtype)

    def project(self, keys: Any) -> Tensor:
        """u k for all keys."""
        projected: Tensor = self.u(keys)
        return projected

    def forward(
        self, query: Any, keys: Any, values: Any = None, key_padding_mask: Any = None, projected_keys: Any = None
    ) -> tuple[Tensor, Tensor]:
        return self._look(query, keys, values, key_padding_mask, projected_keys)

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, allowed: Array | None, more: Any) -> tuple[Tensor, Tensor]:
        if more is None:
            projected = self.u(k)
        else:
            projected = as_tensor(more) if self.batch_first else ops.transpose(as_tensor(more), 0, 1)
            if projected.shape != (*k.shape[:2], self.hidden_size):
                raise ValueError(
                    f"BahdanauAttention: projected_keys has shape {as_tensor(more).shape}, which is not that of "
                    f"project(keys)"
                )
        hidden = ops.tanh(ops.unsqueeze(self.w(q), 2) + ops.unsqueeze(projected, 1))
        scores = ops.squeeze(self.v(hidden), 3)
        if allowed is not None:
            scores = ops.where(allowed, scores, -np.inf)
        weights = ops.softmax(scores, 2)
        return ops.matmul(weights, v), weights

    def extra_repr(self) -> str:
        return f"{self.query_size}, {self.key_size}, {self.hidden_size}, batch_first={self.batch_first}"
