"""matmul: squares from a few microseconds up, the products of a layer's gradients, and products with few rows or
columns."""

import numpy as np
from run import Bench, out, randn

from pydl.ops.matmul import matmul_forward

SQUARES = [(n, n, n) for n in (32, 64, 128, 256, 512, 1024)]
LAYERS = [(64, 784, 128), (64, 128, 784), (128, 64, 784), (20, 25, 576), (3000, 30, 3000)]
THIN = [(1, 1024, 1024), (3, 333, 1000), (7, 512, 512), (16, 1024, 1024), (1024, 1, 1024)]
NARROW = [(1000, 33, 2), (64, 512, 10), (129, 1000, 5), (100, 65, 33)]
SHAPES = [*SQUARES, *LAYERS, *THIN, *NARROW, (128, 4096, 64)]

BENCHES = [
    Bench(
        matmul_forward,
        SHAPES,
        small=(8, 8, 8),
        arguments=lambda M, K, N: (randn(M, K), randn(K, N), out(M, N)),
        numpy=lambda a, b, y: np.matmul(a, b, out=y),
        flops=lambda M, K, N: 2 * M * K * N,
    ),
]
