"""scaled_dot_product_attention: for each query a mean of the values, weighted by how well their keys fit it.

    p[l, s] = softmax over s of (scale * q[l] . k[s] + mask[l, s])
    y[l]    = sum over s of p[l, s] v[s]

scale is 1 / sqrt(E) by default, so that the sums of E products stay of one size. A mask is added, or, if it holds
bools, keeps what is True and gives the rest the weight 0. is_causal: query l sees the keys up to l.

Shapes    q (N, ..., L, E), k (N, ..., S, E), v (N, ..., S, Ev), mask: broadcasts to (N, ..., L, S) -> y (N, ..., L, Ev)
          Kernels see all of them as (N, H, ..., ...), and masks of bools as 0 and -inf.
Gradient  dv = p^T dy;  dp = dy v^T;  ds[l,s] = p[l,s] (dp[l,s] - sum over t of p[l,t] dp[l,t]);
          dq = scale * ds k;  dk = scale * ds^T q;  dmask = ds, summed over what was broadcast
Special   a query that may see no key has a result of 0, as in PyTorch
Memory    few weights are kept (attention_with_weights). Many are made for some queries at a time, and again on the
          way back, from two numbers for each query: the largest score, and factor = 1 / (sum of e^(score - largest)).
Source    Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.2.1; Dao et al., "FlashAttention",
          NeurIPS 2022, for weights that are made again
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._compiled import is_grad_enabled, remembered
from ..arguments import Array, check_flag, check_floats, check_range
from ..op import empty, kernel, op
from ..tensor import Tensor
from .attention_with_weights import attention_with_weights, check_mask, check_scale, check_shapes
from .where import where_forward


@kernel(writes="y, kept")
def scaled_dot_product_attention_forward(q, k, v, mask, causal, scale, y, kept):
    """mask (N, H, L, S), or None. kept (N, H, L, 2): the largest score and factor, both 0 for a query without keys."""
    N, H, L, _ = q.shape
    S, Ev = v.shape[2:]
    for n, h, m in np.ndindex(N, H, L):
        scores = _scores(q, k, mask, causal, scale, n, h, m)
        sees_one = not all(_is_hidden(mask, causal, n, h, m, s) for s in range(S))
        largest = max(scores) if sees_one else 0.0
        total = sum(np.exp(score - largest) for score in scores)
        factor = 1.0 / total if sees_one else 0.0
        kept[n, h, m, 0] = largest
        kept[n, h, m, 1] = factor
        for e in range(Ev):
            y[n, h, m, e] = 0.0
            for s in range(S):
                y[n, h, m, e] += np.exp(scores[s] - largest) * factor * v[n, h, s, e]


@kernel(writes="dq, dk, dv", tolerance=10.0)  # dp less its mean: most of it can cancel
def scaled_dot_product_attention_backward(dy, q, k, v, mask, causal, scale, kept, dq, dk, dv):
    N, H, L, E = q.shape
    S, Ev = v.shape[2:]
    for gradient in (dq, dk, dv):
        gradient[...] = 0.0
    for n, h, m in np.ndindex(N, H, L):
        scores = _scores(q, k, mask, causal, scale, n, h, m)
        largest, factor = kept[n, h, m]
        p = [np.exp(score - largest) * factor for score in scores]
        dp = [sum(dy[n, h, m, e] * v[n, h, s, e] for e in range(Ev)) for s in range(S)]
        mean = sum(p[s] * dp[s] for s in range(S))
        for s in range(S):
            ds = p[s] * (dp[s] - mean)
            for e in range(Ev):
                dv[n, h, s, e] += p[s] * dy[n, h, m, e]
            for e in range(E):
                dq[n, h, m, e] += scale * ds * k[n, h, s, e]
                dk[n, h, s, e] += scale * ds * q[n, h, m, e]


def _scores(q, k, mask, causal, scale, n, h, m):
    """Of query m of head h with every key, -inf where it may not see it."""
    scores = []
    for s in range(k.shape[2]):
        score = sum(scale * q[n, h, m, e] * k[n, h, s, e] for e in range(q.shape[3]))
        if mask is not None:
            score = score + mask[n, h, m, s]
        scores.append(-math.inf if _is_hidden(mask, causal, n, h, m, s) else score)
    return scores


def _is_hidden(mask, causal, n, h, m, s):
    """Whether query m may not see key s."""
    return (causal and s > m) or (mask is not None and mask[n, h, m, s] == -math.inf)


def _draw_inputs(draw: Any, finite: bool) -> dict[str, Any]:
    few, many = (draw.integer(1, 2), 2, draw.integer(2, 5), draw.integer(2, 6)), (1, 1, draw.integer(65, 90), 20)
    N, H, L, S = draw.choice(few, few, many, (1, 2, draw.integer(0, 1), draw.choice(0, 3)))
    E, Ev = draw.integer(0, 4), draw.integer(0, 5)
    mask = draw.choice(None, None, draw.array((N, H, L, S), finite=True))
    if mask is not None:  # the last query sees several keys: the gradients of one alone are all rounding
        mask[:, 0, :-1, : draw.integer(0, S)] = -np.inf
        mask[:, -1, :-1, draw.integer(0, S) :] = -np.inf
    return {
        "q": draw.array((N, H, L, E), finite=True),
        "k": draw.array((N, H, S, E), finite=True),
        "v": draw.array((N, H, S, Ev), finite=finite),
        "mask": mask,
        "causal": L > 1 and draw.choice(False, True),
        "scale": draw.choice(1.0, 0.5),
    }


@scaled_dot_product_attention_forward.samples
def _(draw):
    given = _draw_inputs(draw, False)
    rows = given["q"].shape[:3]
    return {**given, "y": draw.out((*rows, given["v"].shape[3])), "kept": draw.out((*rows, 2))}


@scaled_dot_product_attention_backward.samples
def _(draw):
    given = _draw_inputs(draw, True)
    rows, dtype = given["q"].shape[:3], given["q"].dtype
    y, kept = np.zeros((*rows, given["v"].shape[3]), dtype), np.zeros((*rows, 2), dtype)
    scaled_dot_product_attention_forward.run_reference(*given.values(), y, kept)
    gradients = {f"d{name}": draw.out(given[name].shape) for name in ("q", "k", "v")}
    return {"dy": draw.array(y.shape, finite=True), **given, "kept": kept, **gradients}


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
) -> Any:
    """softmax(scale * query key^T + attn_mask) value. See the top of this file.

    With dropout_p, and where attn_mask needs a gradient, all weights are kept; so they are where they are few.
    """
    name = "scaled_dot_product_attention"
    causal, dropped = check_flag(name, "is_causal", is_causal), check_range(name, "dropout_p", dropout_p, 0.0, 1.0)
    keeps = dropped > 0 or getattr(attn_mask, "requires_grad", False)
    shapes = [each.shape if isinstance(each, Tensor | np.ndarray) else () for each in (query, key)]
    trains = is_grad_enabled() and any(getattr(each, "requires_grad", False) for each in (query, key, value))
    if keeps or not _is_long(*shapes, causal, trains):
        return attention_with_weights(query, key, value, attn_mask, dropped, causal, scale)[0]
    return attention_in_blocks(query, key, value, attn_mask, causal, scale)


@remembered
def _is_long(query: tuple[int, ...], key: tuple[int, ...], causal: bool, trains: bool) -> bool:
    """Whether keeping the weights costs more than making them again: half of them are nothing, or they are so many."""
    if min(len(query), len(key)) < 2:
        return False
    return (causal and key[-2] >= (192 if trains else 96)) or math.prod(query[:-1]) * key[-2] > 1 << 22


@op("query", "key", "value")
def attention_in_blocks(
    query: Any, key: Any, value: Any, attn_mask: Any = None, is_causal: bool = False, scale: float | None = None
) -> Any:
    """scaled_dot_product_attention whose weights are made again on the way back."""
    name = "scaled_dot_product_attention"
    q, k, v = check_floats(name, query=query, key=key, value=value)
    check_shapes(name, q.shape, k.shape, v.shape)
    causal = check_flag(name, "is_causal", is_causal)
    shape = (*q.shape[:-1], k.shape[-2])
    mask = None if causal and attn_mask is None else check_mask(name, attn_mask, causal, shape, q.dtype)
    if mask is not None and mask.dtype.kind == "b":
        kept_keys, mask = mask, empty(mask.shape, q.dtype)
        where_forward(kept_keys, np.zeros((), q.dtype), np.array(-np.inf, q.dtype), mask)
    y = empty((*q.shape[:-1], v.shape[-1]), q.dtype)
    Q, K, V, Y = _heads(q), _heads(k), _heads(v), _heads(y)
    options = (
        None if mask is None else _heads(np.broadcast_to(mask, shape)),
        causal,
        check_scale(name, scale, q.shape[-1]),
    )
    kept = empty((*Q.shape[:3], 2), q.dtype)
    scaled_dot_product_attention_forward(Q, K, V, *options, Y, kept)

    def gradient(dy, needs):
        dq, dk, dv = empty(q.shape, q.dtype), empty(k.shape, q.dtype), empty(v.shape, q.dtype)
        into = (_heads(dq), _heads(dk), _heads(dv))
        scaled_dot_product_attention_backward(_heads(dy), Q, K, V, *options, kept, *into)
        return dq, dk, dv

    return y, gradient, ("query", "key", "value")


def _heads(x: Array) -> Array:
    """x (..., A, B) as (N, H, A, B)."""
    if x.ndim == 4:
        return x
    lead = x.shape[:-2]
    return x.reshape(math.prod(lead[:-1]), lead[-1] if lead else 1, *x.shape[-2:])
