"""linear: layers of small networks, one row at a time and in batches."""

import numpy as np
from run import Bench, out, randn

import pydl
from pydl.ops.linear import (
    linear_backward_bias,
    linear_backward_weight,
    linear_forward,
    linear_packed,
    pack_weight,
    panel_columns,
)


def linear_forward_numpy(x, weight, bias, y, activation):
    np.matmul(x, weight.T, out=y)
    y += bias
    np.maximum(y, 0, out=y)


def linear_packed_numpy(x, panels, bias, y, activation):
    weight = panels.transpose(0, 2, 1).reshape(-1, panels.shape[1])[: y.shape[1]]
    linear_forward_numpy(x, weight, bias, y, activation)


def packed(M, K):
    return pack_weight(randn(M, K), panel_columns(M, 4, pydl.op.isa))


BENCHES = [
    Bench(
        linear_forward,
        shapes=[(1, 784, 128), (64, 784, 128), (64, 128, 10), (64, 800, 500), (1, 4096, 1000), (256, 1024, 1024)],
        small=(2, 16, 8),
        arguments=lambda N, K, M: (randn(N, K), randn(M, K), randn(M), out(N, M), 1),  # 1: relu
        numpy=linear_forward_numpy,
        flops=lambda N, K, M: 2 * N * K * M,
    ),
    Bench(
        linear_packed,
        shapes=[(64, 784, 256), (64, 256, 10), (64, 800, 500), (256, 1024, 1024)],
        small=(2, 16, 8),
        arguments=lambda N, K, M: (randn(N, K), packed(M, K), randn(M), out(N, M), 1),
        numpy=linear_packed_numpy,
        flops=lambda N, K, M: 2 * N * K * M,
    ),
    Bench(
        linear_backward_weight,
        shapes=[(32, 512, 128), (512, 512, 64), (1, 400, 100)],
        small=(4, 16, 8),
        arguments=lambda N, M, K: ([randn(N, M)], [randn(N, K)], out(M, K), False),
        numpy=lambda dy, x, dweight, adds: np.matmul(dy[0].T, x[0], out=dweight),
        flops=lambda N, M, K: 2 * N * M * K,
    ),
    Bench(
        linear_backward_bias,
        shapes=[(64, 128), (256, 4096)],
        small=(16, 8),
        arguments=lambda N, M: (randn(N, M), out(M)),
        numpy=lambda dy, dbias: dy.sum(0, out=dbias),
        bytes=lambda N, M: 4 * N * M,
    ),
]
