"""attention_with_weights: scaled_dot_product_attention, and the weights that it gives the values.

The weights are an array of all queries and keys: for those who want to see them, or drop some at random.

    p[l, s] = softmax over s of (scale * q[l] . k[s] + mask[l, s])
    y[l]    = sum over s of p[l, s] v[s]

scale is 1 / sqrt(E) by default, so that the sums of E products stay of one size. A mask is added, or, if it holds
bools, keeps what is True and gives the rest the weight 0. is_causal: query l sees the keys up to l.

Shapes    q (N, ..., L, E), k (N, ..., S, E), v (N, ..., S, Ev), mask: broadcasts to (N, ..., L, S) -> y (N, ..., L, Ev)
Gradient  dv = p^T dy;  dp = dy v^T;  ds[l,s] = p[l,s] (dp[l,s] - sum over t of p[l,t] dp[l,t]);
          dq = scale * ds k;  dk = scale * ds^T q;  dmask = ds, summed over what was broadcast
Special   a query that may see no key has weights and a result of 0, as in PyTorch
Dropout   drops weights with probability dropout_p and divides the others by 1 - dropout_p; 0 when not training
Source    Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.2.1
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import random
from .._compiled import remembered
from ..arguments import Array, check_array, check_flag, check_floats, check_number, check_range
from ..op import empty, op
from .add import add_forward
from .broadcasting import fit, form_of
from .dropout import dropout_backward, dropout_forward
from .matmul import matmul_forward
from .mul import mul_forward
from .softmax import softmax_backward, softmax_forward
from .where import where_forward


@op("query", "key", "value", "attn_mask", several=True)
def attention_with_weights(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
) -> Any:
    """The result of scaled_dot_product_attention and the weights (N, ..., L, S) that made it, after dropout."""
    name = "scaled_dot_product_attention"
    q, k, v = check_floats(name, query=query, key=key, value=value)
    check_shapes(name, q.shape, k.shape, v.shape)
    S, dtype = k.shape[-2], q.dtype
    mask = check_mask(name, attn_mask, check_flag(name, "is_causal", is_causal), (*q.shape[:-1], S), dtype)
    dropped = check_range(name, "dropout_p", dropout_p, 0.0, 1.0)
    factor = check_scale(name, scale, q.shape[-1])

    scaled, by = empty(q.shape, dtype), np.array(factor, dtype)
    mul_forward(q, by, scaled)
    p = empty((*q.shape[:-1], S), dtype)
    matmul_forward(scaled, k.swapaxes(-1, -2), p)
    _add_mask(mask, p)
    scores = _lines(p)
    softmax_forward(scores, scores)
    if not is_causal:  # where each query sees a key, the first at least
        _clear_blind_rows(mask, p)
    kept, used, keep_scale = None, p, 1.0
    if dropped > 0:
        keep_scale = 1 / (1 - dropped) if dropped < 1 else 0.0
        kept, used = empty((p.size,), np.uint8), empty(p.shape, dtype)
        dropout_forward(_line(p), random.new_key(), round(dropped * 2**32), keep_scale, kept, _line(used))
    y = empty((*q.shape[:-1], v.shape[-1]), dtype)
    matmul_forward(used, v, y)

    def gradient(dys, needs):
        dy, dp_more = dys
        dv = None
        dp = np.zeros(p.shape, dtype) if dy is None else empty(p.shape, dtype)
        if dy is not None:
            if needs[2]:
                dv = empty(v.shape, dtype)
                matmul_forward(used.swapaxes(-1, -2), dy, dv)
            matmul_forward(dy, v.swapaxes(-1, -2), dp)
        if dp_more is not None:
            add_forward(dp, dp_more, dp)
        if kept is not None:
            dropout_backward(_line(dp), kept, keep_scale, _line(dp))
        softmax_backward(_lines(dp), _lines(p), _lines(dp))
        dq = dk = None
        if needs[0]:
            dq = empty(q.shape, dtype)
            matmul_forward(dp, k, dq)
            mul_forward(dq, by, dq)
        if needs[1]:
            dk = empty(k.shape, dtype)
            matmul_forward(dp.swapaxes(-1, -2), scaled, dk)
        return dq, dk, dv, fit(dp, form_of(attn_mask, mask)) if mask is not None and needs[3] else None

    return [y, used], gradient, ("key", "value", "output")


@remembered
def check_shapes(name: str, q: tuple[int, ...], k: tuple[int, ...], v: tuple[int, ...]) -> bool:
    """Refuses shapes that do not fit."""
    shapes = f"(query {q}, key {k}, value {v})"
    if min(len(q), len(k), len(v)) < 2:
        raise ValueError(f"{name}: query, key and value need two dimensions or more {shapes}")
    if not q[:-2] == k[:-2] == v[:-2]:
        raise ValueError(f"{name}: the dimensions before the last two must be equal {shapes}")
    if q[-1] != k[-1]:
        raise ValueError(f"{name}: query has {q[-1]} features but key has {k[-1]} {shapes}")
    if k[-2] != v[-2]:
        raise ValueError(f"{name}: there are {k[-2]} keys but {v[-2]} values {shapes}")
    return True


def check_scale(name: str, scale: float | None, E: int) -> float:
    return 1 / math.sqrt(max(E, 1)) if scale is None else float(check_number(name, "scale", scale))


def check_mask(name: str, attn_mask: Any, causal: bool, shape: tuple[int, ...], dtype: Any) -> Array | None:
    """What is added to the scores (floats) or kept of them (bools)."""
    if causal:
        if attn_mask is not None:
            raise ValueError(f"{name}: attn_mask must be None with is_causal=True, which is a mask by itself")
        return np.tri(*shape[-2:], dtype=bool)
    if attn_mask is None:
        return None
    mask = check_array(name, "attn_mask", attn_mask)
    if mask.dtype.kind != "b" and mask.dtype != dtype:
        raise TypeError(f"{name}: attn_mask has dtype {mask.dtype} but must be bool or {dtype}, as query is")
    try:
        np.broadcast_to(mask, shape)
    except ValueError:
        raise ValueError(f"{name}: attn_mask has shape {mask.shape} and does not broadcast to {shape}") from None
    return mask


def _add_mask(mask: Array | None, scores: Array) -> None:
    if mask is not None and mask.dtype.kind == "b":
        where_forward(mask, scores, np.array(-np.inf, scores.dtype), scores)
    elif mask is not None:
        add_forward(scores, mask, scores)


def _clear_blind_rows(mask: Array | None, p: Array) -> None:
    """Zeros where a query sees no key: softmax made NaN of it."""
    if mask is None or not p.size:
        return
    mask = np.atleast_1d(mask)
    blind = ~mask.any(-1, keepdims=True) if mask.dtype.kind == "b" else (mask == -np.inf).all(-1, keepdims=True)
    if blind.any():
        where_forward(blind, np.zeros((), p.dtype), p, p)


def _line(x: Array) -> Array:
    return x.reshape(x.size)


def _lines(x: Array) -> Array:
    return x.reshape(-1 if x.size else 0, x.shape[-1], 1)
