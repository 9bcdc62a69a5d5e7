"""scaled_dot_product_attention: the heads of a small and a large Transformer, every key or those before a query."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.scaled_dot_product_attention import (
    scaled_dot_product_attention_backward,
    scaled_dot_product_attention_forward,
)

# N, H, L, E, causal; as many keys as queries
SHAPES = [(2, 8, 256, 32, False), (1, 8, 512, 64, True), (1, 4, 2048, 64, False), (1, 4, 2048, 64, True)]
SMALL = (1, 2, 64, 16, True)


def weights_numpy(q, k, causal, scale, kept):
    scores = scale * q @ k.swapaxes(-1, -2)
    if causal:
        scores[..., ~np.tri(q.shape[2], dtype=bool)] = -np.inf
    kept[..., 0] = scores.max(-1)
    p = np.exp(scores - kept[..., :1])
    kept[..., 1] = 1 / p.sum(-1)
    p *= kept[..., 1:]
    return p


def forward_numpy(q, k, v, mask, causal, scale, y, kept):
    np.matmul(weights_numpy(q, k, causal, scale, kept), v, out=y)


def backward_numpy(dy, q, k, v, mask, causal, scale, kept, dq, dk, dv):
    p = weights_numpy(q, k, causal, scale, np.empty_like(kept))
    dp = dy @ v.swapaxes(-1, -2)
    ds = scale * p * (dp - (p * dp).sum(-1, keepdims=True))
    np.matmul(p.swapaxes(-1, -2), dy, out=dv)
    np.matmul(ds, k, out=dq)
    np.matmul(ds.swapaxes(-1, -2), q, out=dk)


def forward_arguments(N, H, L, E, causal):
    q, k, v = (randn(N, H, L, E) for _ in range(3))
    return q, k, v, None, causal, E**-0.5, out(N, H, L, E), out(N, H, L, 2)


def backward_arguments(*shape):
    given = forward_arguments(*shape)
    scaled_dot_product_attention_forward(*given)
    q, k, v, *options, y, kept = given
    return randn(*y.shape), q, k, v, *options, kept, *(out(*q.shape) for _ in range(3))


def products(N, H, L, E, causal):
    """Multiply-adds of one product of all queries with the keys that they see."""
    return N * H * (L * (L + 1) // 2 if causal else L * L) * E


BENCHES = [
    Bench(
        scaled_dot_product_attention_forward,
        SHAPES,
        small=SMALL,
        arguments=forward_arguments,
        numpy=forward_numpy,
        flops=lambda *shape: 4 * products(*shape),
    ),
    Bench(
        scaled_dot_product_attention_backward,
        SHAPES,
        small=SMALL,
        arguments=backward_arguments,
        numpy=backward_numpy,
        flops=lambda *shape: 10 * products(*shape),
    ),
]
