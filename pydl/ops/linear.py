"""linear: a fully connected layer.

    y[n, m] = b[m] + sum_k x[n, k] W[m, k]

Shapes    x (*, K), W (M, K), b (M) or None, y (*, M); n runs over all leading dimensions of x together
Gradient  dx = dy W,  dW = dy^T x,  db[m] = sum_n dy[n, m]
Source    Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", Nature 323 (1986)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_floats, check_rank
from ..op import empty, kernel, op
from .matmul import matmul_forward


@kernel(writes="y")
def linear_forward(x, weight, bias, y):
    N, K = x.shape
    for n in range(N):
        for m in range(weight.shape[0]):
            total = 0.0 if bias is None else bias[m]
            for k in range(K):
                total += x[n, k] * weight[m, k]
            y[n, m] = total


@kernel(writes="dbias")
def linear_backward_bias(dy, dbias):
    for m in range(dy.shape[1]):
        dbias[m] = sum(dy[:, m])


@linear_forward.samples
def _(draw):
    N, K, M = draw.integer(0, 9), draw.integer(0, 40), draw.integer(0, 9)
    shape = draw.choice("small", "small", "wide", "tall", "deep")
    if shape == "wide":
        M = draw.integer(30, 150)
    elif shape == "tall":
        N = draw.integer(30, 100)
    elif shape == "deep":
        N, K, M = draw.integer(1, 6), draw.choice(300, 2100), draw.integer(1, 3)
    x, weight = draw.array((N, K)), draw.array((M, K))
    bias = draw.choice(None, draw.array((M,)))
    return {"x": x, "weight": weight, "bias": bias, "y": draw.out((N, M))}


@linear_backward_bias.samples
def _(draw):
    N, M = draw.integer(0, 100), draw.integer(0, 60)
    return {"dy": draw.array((N, M)), "dbias": draw.out((M,))}


@op("input", "weight", "bias")
def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """input @ weight.T + bias, like torch.nn.functional.linear. See the top of this file."""
    x, w, b = check_floats("linear", input=input, weight=weight, bias=bias)
    shapes = f"(input {x.shape}, weight {w.shape})"
    check_rank("linear", "weight", w, 2, layout="(out_features, in_features)")
    M, K = w.shape
    if x.ndim == 0 or x.shape[-1] != K:
        has = f"{x.shape[-1]} features" if x.ndim else "no dimension"
        raise ValueError(f"linear: input has {has} but weight needs {K} {shapes}")
    if b is not None and b.shape != (M,):
        raise ValueError(f"linear: bias has shape {b.shape} but must be ({M},), one number for each output {shapes}")
    N = int(np.prod(x.shape[:-1]))
    rows = x.reshape(N, K)
    y = empty((N, M), x.dtype)
    linear_forward(rows, w, b, y)

    def gradient(dy, needs):
        dy = dy.reshape(N, M)
        dx = dw = db = None
        if needs[0]:
            dx = empty((N, K), x.dtype)
            matmul_forward(dy, w, dx)
            dx = dx.reshape(x.shape)
        if needs[1]:
            dw = empty((M, K), w.dtype)
            matmul_forward(dy.T, rows, dw)
        if needs[2]:
            db = empty((M,), w.dtype)
            linear_backward_bias(dy, db)
        return dx, dw, db

    return y.reshape(*x.shape[:-1], M), gradient, ("input", "weight")
