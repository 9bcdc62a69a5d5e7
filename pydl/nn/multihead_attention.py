"""MultiheadAttention: several scaled dot-product attentions beside each other, each in its own projection."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..arguments import check_array, check_flag, check_float_dtype, check_integer, check_range
from ..op import empty
from ..tensor import Tensor
from .attention import array_of, as_tensor, check_padding
from .init import xavier_uniform_, zeros_
from .linear import Linear
from .module import Module
from .parameter import Parameter

NAME = "MultiheadAttention"


class MultiheadAttention(Module):
    """y = out_proj(heads side by side), head h = attention of W_q query, W_k key and W_v value in its own features.

    query (L, N, embed_dim), key (S, N, kdim), value (S, N, vdim), or without N; with batch_first=True (N, L, ...).
    Returns y, shaped like query, and the weights: (N, L, S), the mean of the heads, or (N, num_heads, L, S) with
    average_attn_weights=False, or None with need_weights=False.

    attn_mask (L, S) or (N num_heads, L, S), key_padding_mask (N, S): bools, True for what may not be seen, or floats
    that are added to the scores. is_causal: a query sees the keys up to its own place, if there is no attn_mask.

    Parameters: in_proj_weight (3 embed_dim, embed_dim), W_q, W_k and W_v one above the other; q_proj_weight,
    k_proj_weight (embed_dim, kdim) and v_proj_weight (embed_dim, vdim) instead where kdim or vdim differs; in_proj_bias
    (3 embed_dim); out_proj.weight, out_proj.bias. add_bias_kv and add_zero_attn must be False.
    Source: Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.2.2.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        *,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__()
        self.embed_dim = E = check_integer(NAME, "embed_dim", embed_dim, 1)
        self.num_heads = check_integer(NAME, "num_heads", num_heads, 1)
        if E % num_heads:
            raise ValueError(f"{NAME}: embed_dim is {E} but must be a multiple of num_heads, which is {num_heads}")
        self.dropout = check_range(NAME, "dropout", dropout, 0.0, 1.0)
        for option, value in (("add_bias_kv", add_bias_kv), ("add_zero_attn", add_zero_attn)):
            if check_flag(NAME, option, value):
                raise ValueError(f"{NAME}: {option} must be False; append what is wanted to key and value")
        self.kdim = E if kdim is None else check_integer(NAME, "kdim", kdim, 1)
        self.vdim = E if vdim is None else check_integer(NAME, "vdim", vdim, 1)
        self.batch_first = check_flag(NAME, "batch_first", batch_first)
        dtype, has_bias = check_float_dtype(NAME, dtype), check_flag(NAME, "bias", bias)
        joint = self.kdim == self.vdim == E
        self.in_proj_weight = Parameter(empty((3 * E, E), dtype)) if joint else None
        for name, size in (("q", E), ("k", self.kdim), ("v", self.vdim)):
            setattr(self, f"{name}_proj_weight", None if joint else Parameter(empty((E, size), dtype)))
        self.in_proj_bias = Parameter(empty((3 * E,), dtype)) if has_bias else None
        self.out_proj = Linear(E, E, has_bias, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws the parameters anew."""
        for name in ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight"):
            if getattr(self, name) is not None:
                xavier_uniform_(getattr(self, name))
        self.out_proj.reset_parameters()
        if self.in_proj_bias is not None and self.out_proj.bias is not None:
            zeros_(self.in_proj_bias)
            zeros_(self.out_proj.bias)

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        need_weights = check_flag(NAME, "need_weights", need_weights)
        batched = self._check_inputs(query, key, value)
        q, k, v = (self._heads(each, batched) for each in self._project(query, key, value))
        N, L, S = q.shape[0], q.shape[2], k.shape[2]
        padding = check_padding(NAME, _with_batch(key_padding_mask, batched), N, S)
        causal = check_flag(NAME, "is_causal", is_causal) and attn_mask is None
        dropout = self.dropout if self.training else 0.0
        if not need_weights and causal and padding is None:
            y = ops.scaled_dot_product_attention(q, k, v, None, dropout, True)
            return self.out_proj(self._side_by_side(y, batched)), None
        mask = self._mask(attn_mask, padding, ~np.tri(L, S, dtype=bool) if causal else None, N, L, S, q.dtype)
        if not need_weights:
            y = ops.scaled_dot_product_attention(q, k, v, mask, dropout)
            return self.out_proj(self._side_by_side(y, batched)), None
        y, weights = ops.attention_with_weights(q, k, v, mask, dropout)
        y = self.out_proj(self._side_by_side(y, batched))
        if check_flag(NAME, "average_attn_weights", average_attn_weights):
            weights = ops.mean(weights, 1)
        return y, weights if batched else ops.squeeze(weights, 0)

    def _check_inputs(self, query: Any, key: Any, value: Any) -> bool:
        """Whether there is a batch. Refuses shapes that do not fit."""
        shapes = [np.shape(array_of(each)) for each in (query, key, value)]
        given = f"(query {shapes[0]}, key {shapes[1]}, value {shapes[2]})"
        if {len(shape) for shape in shapes} not in ({2}, {3}):
            raise ValueError(f"{NAME}: query, key and value must all have three dimensions, or two {given}")
        for name, shape, size in zip(
            ("query", "key", "value"), shapes, (self.embed_dim, self.kdim, self.vdim), strict=True
        ):
            if shape[-1] != size:
                raise ValueError(f"{NAME}: {name} has {shape[-1]} features but needs {size} {given}")
        batched, of_batch = len(shapes[0]) == 3, 0 if self.batch_first else 1
        if shapes[1][:-1] != shapes[2][:-1]:
            raise ValueError(f"{NAME}: there must be as many keys as values {given}")
        if batched and shapes[0][of_batch] != shapes[1][of_batch]:
            raise ValueError(f"{NAME}: query and key must have the same batch {given}")
        return batched

    def _project(self, query: Any, key: Any, value: Any) -> list[Tensor]:
        """W_q query, W_k key, W_v value; one product where all three are one."""
        E, bias, weight = self.embed_dim, self.in_proj_bias, self.in_proj_weight
        if weight is not None and query is key is value:
            return list(ops.split(ops.linear(query, weight, bias), E, -1))
        biases: Any = (None,) * 3 if bias is None else ops.split(bias, E)
        if weight is not None:
            weights = ops.split(weight, E)
        else:
            weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        return [ops.linear(*each) for each in zip((query, key, value), weights, biases, strict=True)]

    def _heads(self, x: Tensor, batched: bool) -> Tensor:
        """(L, N, embed_dim), or as batch_first says, to (N, num_heads, L, features)."""
        if not batched:
            x = ops.unsqueeze(x, 0 if self.batch_first else 1)
        x = ops.reshape(x, (*x.shape[:2], self.num_heads, self.embed_dim // self.num_heads))
        return ops.permute(x, (0, 2, 1, 3) if self.batch_first else (1, 2, 0, 3))

    def _side_by_side(self, y: Tensor, batched: bool) -> Tensor:
        """And back."""
        y = ops.permute(y, (0, 2, 1, 3) if self.batch_first else (2, 0, 1, 3))
        y = ops.reshape(y, (*y.shape[:2], self.embed_dim))
        return y if batched else ops.squeeze(y, 0 if self.batch_first else 1)

    def _mask(self, attn_mask: Any, padding: Any, causal: Any, N: int, L: int, S: int, dtype: Any) -> Any:
        """All masks as one that broadcasts to (N, num_heads, L, S): bools, True for what may be seen, or floats."""
        hidden = [] if causal is None else [causal]
        added: Any = None
        if padding is not None:
            hidden, added = _sort(padding[:, None, None], hidden, added)
        if attn_mask is not None:
            shape = check_array(NAME, "attn_mask", array_of(attn_mask)).shape
            if shape not in ((L, S), (N * self.num_heads, L, S)):
                raise ValueError(
                    f"{NAME}: attn_mask has shape {shape} but must be {(L, S)} or {(N * self.num_heads, L, S)}"
                )
            per_head = len(shape) == 3
            mask = ops.reshape(as_tensor(attn_mask), (N, self.num_heads, L, S)) if per_head else as_tensor(attn_mask)
            hidden, added = _sort(mask.data if mask.dtype.kind == "b" else mask, hidden, added)
        closed = hidden[0] if len(hidden) == 1 else np.logical_or(*hidden) if hidden else None
        if added is None or closed is None:
            return added if closed is None else ~closed
        return ops.add(added, np.where(closed, -np.inf, 0.0).astype(dtype))

    def extra_repr(self) -> str:
        return f"{self.embed_dim}, {self.num_heads}, dropout={self.dropout}, batch_first={self.batch_first}"


def _with_batch(mask: Any, batched: bool) -> Any:
    """A key_padding_mask (S) of a single sequence as (1, S)."""
    return mask if mask is None or batched else np.asarray(array_of(mask))[None]


def _sort(mask: Any, hidden: list[Any], added: Any) -> tuple[list[Any], Any]:
    """Bools go to what is hidden, floats to what is added."""
    if mask.dtype.kind == "b":
        return [*hidden, mask], added
    return hidden, mask if added is None else ops.add(added, mask)
