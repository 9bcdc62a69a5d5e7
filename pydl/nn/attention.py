"""What the attention layers share: checks of padding masks, and the order of sequences and batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..arguments import Array, check_array, check_flag, check_integer
from ..tensor import Tensor, tensor
from .module import Module


def array_of(value: Any) -> Any:
    """The array in a Tensor; anything else as it is."""
    return value.data if isinstance(value, Tensor) else value


def as_tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else tensor(value)


def check_padding(name: str, mask: Any, B: int, S: int) -> Array | None:
    """key_padding_mask (B, S): True, or -inf in an array of floats, for keys that are padding."""
    if mask is None:
        return None
    array = check_array(name, "key_padding_mask", array_of(mask))
    if array.shape != (B, S):
        raise ValueError(f"{name}: key_padding_mask has shape {array.shape} but must be {(B, S)}, batch and keys")
    return array


class EncoderAttention(Module):
    """The base class of what a decoder looks at an encoder's results with.

        context, weights = attention(query, keys)

    query is (L, B, query_size), or (B, query_size) for one step of a decoder; keys (S, B, key_size) and values
    (S, B, value_size), by default the keys; key_padding_mask (B, S) bools, True for keys that do not count. With
    batch_first=True the batch comes first: (B, L, ...) and (B, S, ...). context is shaped like query with value_size,
    weights is (B, L, S), or (B, S) for one step: what they sum to over the keys is 1.
    """

    def __init__(self, query_size: int, key_size: int, batch_first: bool) -> None:
        super().__init__()
        name = type(self).__name__
        self.query_size = check_integer(name, "query_size", query_size, 1)
        self.key_size = check_integer(name, "key_size", key_size, 1)
        self.batch_first = check_flag(name, "batch_first", batch_first)

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, allowed: Array | None, more: Any) -> tuple[Tensor, Tensor]:
        """Context and weights of batches (B, L, ...) and (B, S, ...). allowed (B, 1, S): keys that count."""
        raise NotImplementedError

    def _look(self, query: Any, keys: Any, values: Any, key_padding_mask: Any, more: Any) -> tuple[Tensor, Tensor]:
        name, q, k = type(self).__name__, as_tensor(query), as_tensor(keys)
        v = k if values is None else as_tensor(values)
        step = len(q.shape) == 2
        layout = "(B, L, query_size)" if self.batch_first else "(L, B, query_size)"
        if len(q.shape) not in (2, 3) or q.shape[-1] != self.query_size:
            raise ValueError(
                f"{name}: query must be {layout} or (B, query_size) with query_size {self.query_size}, but has shape "
                f"{q.shape}"
            )
        if step:
            q = ops.unsqueeze(q, 1 if self.batch_first else 0)
        if len(k.shape) != 3 or k.shape[2] != self.key_size:
            raise ValueError(
                f"{name}: keys must have three dimensions, the last of key_size {self.key_size}, but have shape "
                f"{k.shape}"
            )
        if len(v.shape) != 3 or v.shape[:2] != k.shape[:2]:
            raise ValueError(f"{name}: values have shape {v.shape} but there are keys of shape {k.shape}")
        if not self.batch_first:
            q, k, v = (ops.transpose(each, 0, 1) for each in (q, k, v))
        B, S = k.shape[:2]
        if q.shape[0] != B:
            raise ValueError(f"{name}: query has a batch of {q.shape[0]} but keys one of {B}")
        padding = check_padding(name, key_padding_mask, B, S)
        if padding is not None and padding.dtype.kind != "b":
            raise TypeError(f"{name}: key_padding_mask has dtype {padding.dtype} but must be bool, True for padding")
        if padding is not None and padding.all(1).any():
            raise ValueError(f"{name}: key_padding_mask leaves no key for {np.argmax(padding.all(1))} of the batch")
        context, weights = self._attend(q, k, v, None if padding is None else ~padding[:, None], more)
        if step:
            return ops.squeeze(context, 1), ops.squeeze(weights, 1)
        return context if self.batch_first else ops.transpose(context, 0, 1), weights
