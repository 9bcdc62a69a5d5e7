"""Transformers: attention and a small network, each with what goes past them added and then normalised.

    encoder layer    x = norm1(x + attention(x, x, x)),  x = norm2(x + linear2(activation(linear1(x))))
    decoder layer    the same, and between the two x = norm2(x + attention(x, memory, memory))
    norm_first       x = x + attention(norm1(x), ..) and so on: the norm stands before each part

Source: Vaswani et al., "Attention is all you need", NeurIPS 2017; for norm_first Xiong et al., "On layer normalization
in the transformer architecture", ICML 2020.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from .. import ops
from ..arguments import check_callable, check_choice, check_flag, check_integer
from ..tensor import Tensor
from .containers import ModuleList
from .dropout import Dropout
from .init import xavier_uniform_
from .layer_norm import LayerNorm
from .linear import Linear
from .module import Module
from .multihead_attention import MultiheadAttention


class _Layer(Module):
    """What both layers have: self_attn, linear1, linear2 and as many norms and dropouts as parts."""

    parts = 2

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Any = ops.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        check_integer(name, "d_model", d_model, 1)
        check_integer(name, "nhead", nhead, 1)
        if d_model % nhead:
            raise ValueError(f"{name}: d_model is {d_model} but must be a multiple of nhead, which is {nhead}")
        width = check_integer(name, "dim_feedforward", dim_feedforward, 1)
        self.norm_first = check_flag(name, "norm_first", norm_first)
        if isinstance(activation, str):
            self.activation: Any = getattr(ops, check_choice(name, "activation", activation, "relu", "gelu"))
        else:
            self.activation = check_callable(name, "activation", activation, "a function, 'relu' or 'gelu'")
        options: dict[str, Any] = {"bias": bias, "dtype": dtype}
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, batch_first=batch_first, **options)
        if self.parts == 3:
            self.multihead_attn = MultiheadAttention(d_model, nhead, dropout, batch_first=batch_first, **options)
        self.linear1 = Linear(d_model, width, **options)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(width, d_model, **options)
        for n in range(self.parts):
            setattr(self, f"norm{n + 1}", LayerNorm(d_model, layer_norm_eps, **options))
        for n in range(self.parts):
            setattr(self, f"dropout{n + 1}", Dropout(dropout))

    def _part(self, n: int, x: Any, f: Any) -> Tensor:
        """One part with what goes past it."""
        norm, dropout = getattr(self, f"norm{n}"), getattr(self, f"dropout{n}")
        y: Tensor = ops.add(x, dropout(f(norm(x)))) if self.norm_first else norm(ops.add(x, dropout(f(x))))
        return y

    def _network(self, x: Tensor) -> Tensor:
        y: Tensor = self.linear2(self.dropout(self.activation(self.linear1(x))))
        return y


def _attend(attention: Module, query: Any, memory: Any, mask: Any, padding: Any, causal: bool) -> Tensor:
    y: Tensor = attention(query, memory, memory, padding, False, mask, is_causal=causal)[0]
    return y


class TransformerEncoderLayer(_Layer):
    """Self-attention and a network of two layers: (L, N, d_model) or, with batch_first=True, (N, L, d_model).

    Called with src, src_mask (L, L), src_key_padding_mask (N, L), is_causal, as in MultiheadAttention.
    """

    def forward(
        self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Tensor:
        x = self._part(1, src, lambda x: _attend(self.self_attn, x, x, src_mask, src_key_padding_mask, is_causal))
        return self._part(2, x, self._network)


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to an encoder's memory, and a network of two layers.

    Called with tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask, tgt_is_causal,
    memory_is_causal.
    """

    parts = 3

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        x = self._part(1, tgt, lambda x: _attend(self.self_attn, x, x, tgt_mask, tgt_key_padding_mask, tgt_is_causal))
        x = self._part(
            2,
            x,
            lambda x: _attend(self.multihead_attn, x, memory, memory_mask, memory_key_padding_mask, memory_is_causal),
        )
        return self._part(3, x, self._network)


class _Stack(Module):
    """Copies of a layer one after another, and a norm behind the last."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None) -> None:
        super().__init__()
        name = type(self).__name__
        if not isinstance(layer, _Layer):
            raise TypeError(f"{name}: the layer must be a Transformer{name[11:]}Layer, not {type(layer).__name__}")
        if norm is not None and not isinstance(norm, Module):
            raise TypeError(f"{name}: norm must be a Module, not {type(norm).__name__}")
        self.num_layers = check_integer(name, "num_layers", num_layers, 0)
        self.layers = ModuleList(copy.deepcopy(layer) for _ in range(self.num_layers))
        self.norm = norm

    def _run(self, x: Any, *arguments: Any) -> Tensor:
        for layer in self.layers:
            x = layer(x, *arguments)
        return x if self.norm is None else self.norm(x)  # type: ignore[no-any-return]


class TransformerEncoder(_Stack):
    """num_layers copies of encoder_layer, then norm. Called as the layer, but with the masks named mask, ...."""

    def __init__(self, encoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(encoder_layer, num_layers, norm)

    def forward(
        self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool | None = None
    ) -> Tensor:
        return self._run(src, mask, src_key_padding_mask, bool(is_causal))


class TransformerDecoder(_Stack):
    """num_layers copies of decoder_layer, then norm. Called as the layer."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        masks = (tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)
        return self._run(tgt, memory, *masks, bool(tgt_is_causal), memory_is_causal)


class Transformer(Module):
    """An encoder, and a decoder that attends to what it makes of src (S, N, d_model): tgt and y (T, N, d_model)."""

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Any = ops.relu,
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__()
        sizes = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)
        parts: list[Module] = []
        for custom, layer, stack, count in (
            (custom_encoder, TransformerEncoderLayer, TransformerEncoder, num_encoder_layers),
            (custom_decoder, TransformerDecoderLayer, TransformerDecoder, num_decoder_layers),
        ):
            if custom is not None and not isinstance(custom, Module):
                raise TypeError(f"Transformer: a custom encoder or decoder is a Module, not {type(custom).__name__}")
            norm = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype) if custom is None else None
            parts.append(custom or stack(layer(*sizes, dtype=dtype), count, norm))
        self.encoder, self.decoder = parts
        for each in self.parameters():
            if each.ndim > 1:
                xavier_uniform_(each)
        self.d_model, self.nhead = d_model, nhead
        self.batch_first = batch_first

    def forward(
        self,
        src: Any,
        tgt: Any,
        src_mask: Any = None,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        src_key_padding_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        masks = (tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)
        y: Tensor = self.decoder(tgt, memory, *masks, tgt_is_causal, memory_is_causal)
        return y

    @staticmethod
    def generate_square_subsequent_mask(sz: int) -> Tensor:
        """The mask that hides what comes later: (sz, sz), 0 on and below the diagonal, else -inf."""
        size = check_integer("generate_square_subsequent_mask", "sz", sz, 0)
        return Tensor(np.triu(np.full((size, size), -np.inf, np.float32), 1))
