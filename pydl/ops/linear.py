"""linear: a fully connected layer, with its activation if one is named.

    z[n, m] = b[m] + sum_k x[n, k] W[m, k],    y = f(z)

Shapes    x (*, K), W (M, K), b (M) or None, y (*, M); n runs over all leading dimensions of x together
Gradient  dz = dy f'(z),  dx = dz W,  dW = dz^T x,  db[m] = sum_n dz[n, m]
          (every f here tells f'(z) from y: relu by y > 0, sigmoid is y (1 - y), tanh is 1 - y^2)
Source    Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", Nature 323 (1986)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import check_floats, check_rank, show
from ..op import empty, kernel, op
from .clone import reshaped
from .matmul import matmul_forward
from .relu import relu_backward
from .sigmoid import sigmoid_backward
from .tanh import tanh_backward

# name: (f, the kernel that turns dy and y into dz). The kernel linear_forward is told the position in this table.
ACTIVATIONS = {
    None: (lambda z: z, None),
    "relu": (lambda z: 0.0 if z <= 0.0 else z, relu_backward),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), sigmoid_backward),
    "tanh": (np.tanh, tanh_backward),
}


@kernel(writes="y")
def linear_forward(x, weight, bias, y, activation):
    N, K = x.shape
    f, _ = list(ACTIVATIONS.values())[activation]
    for n in range(N):
        for m in range(weight.shape[0]):
            total = 0.0 if bias is None else bias[m]
            for k in range(K):
                total += x[n, k] * weight[m, k]
            y[n, m] = f(total)


def panel_columns(features: int, itemsize: int, isa: str) -> int:
    """Features of a panel: what a register tile of the instruction set takes, and no more lines than there are."""
    line = 64 // itemsize
    lines = -(-features // line)
    most = 1 if isa != "avx512" else 2 if lines == 4 else 3
    return line * max(1, min(lines, most))


def gains_by_panels(row_bytes: int, rows: int) -> bool:
    """Whether a product of so many rows is faster with panels: a few use each number of the weight only a few times."""
    return rows > 24 or (row_bytes > 64 and rows > 0)


def pack_weight(w: Any, L: int) -> Any:
    """The weight (M, K) as panels (P, K, L) of L features side by side, zero where there is no feature."""
    M, K = w.shape
    panels = empty((-(-M // L), K, L), w.dtype)
    panels[-1:, :, M % L or L :] = 0.0
    for p, panel in enumerate(panels):
        rows = w[p * L : (p + 1) * L]
        panel[:, : len(rows)] = rows.T
    return panels


# Sums of 500 products before a sigmoid or tanh: their rounding counts against results of at most 1.
@kernel(writes="y", tolerance=4.0)
def linear_packed(x, panels, bias, y, activation):
    """linear_forward with panels = pack_weight(weight, L), for replays that use the weight many times."""
    P, K, L = panels.shape
    weight = panels.transpose(0, 2, 1).reshape(P * L, K)[: y.shape[1]]
    linear_forward.reference(x, weight, bias, y, activation)


@kernel(writes="dbias")
def linear_backward_bias(dy, dbias):
    for m in range(dy.shape[1]):
        dbias[m] = sum(dy[:, m])


@kernel(writes="dweight")
def linear_backward_weight(dy, x, dweight, adds):
    """dy and x are lists, of one or of several steps; adds: dweight has a sum already, to which theirs is added."""
    for m, k in np.ndindex(dweight.shape):
        total = sum(a[n, m] * b[n, k] for a, b in zip(dy, x, strict=True) for n in range(len(a)))
        dweight[m, k] = dweight[m, k] + total if adds else total


@linear_backward_weight.samples
def _(draw):
    M, K = draw.integer(0, 40), draw.integer(0, 40)
    rows = [draw.choice(0, 1, 3, 20, 400) for _ in range(draw.integer(1, 4))]
    return {
        "dy": [np.ascontiguousarray(draw.array((N, M))) for N in rows],
        "x": [np.ascontiguousarray(draw.array((N, K))) for N in rows],
        "dweight": draw.array((M, K)).copy(),
        "adds": draw.choice(True, False),
    }


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
    return {"x": x, "weight": weight, "bias": bias, "y": draw.out((N, M)), "activation": draw.integer(0, 3)}


@linear_packed.samples
def _(draw):
    N, K, M = draw.integer(0, 30), draw.choice(0, 1, 20, 500), draw.choice(0, 1, 16, 20, 50, 100, 130)
    panels = pack_weight(draw.array((M, K)), draw.choice(16, 32, 48))
    bias = draw.choice(None, draw.array((M,)))
    y = draw.out((N, M))
    if M > 1 and y.strides[1] != y.itemsize:
        y = np.ascontiguousarray(y)
    return {"x": draw.array((N, K)), "panels": panels, "bias": bias, "y": y, "activation": draw.integer(0, 3)}


@linear_backward_bias.samples
def _(draw):
    N, M = draw.integer(0, 100), draw.integer(0, 60)
    return {"dy": draw.array((N, M)), "dbias": draw.out((M,))}


@op("input", "weight", "bias")
def linear(input: Any, weight: Any, bias: Any = None, activation: str | None = None) -> Any:
    """input @ weight.T + bias, like torch.nn.functional.linear. See the top of this file.

    activation: "relu", "sigmoid" or "tanh" is applied to the numbers while they are still in the cache.
    """
    if activation is not None and (not isinstance(activation, str) or activation not in ACTIVATIONS):
        known = ", ".join(repr(name) for name in ACTIVATIONS)
        raise ValueError(f"linear: activation must be one of {known}, not {show(activation)}")
    x, w, b = check_floats("linear", ("bias",), input=input, weight=weight, bias=bias)
    x_shape = x.shape
    if w.ndim != 2 or x_shape[-1:] != w.shape[1:] or (b is not None and b.shape != w.shape[:1]):
        refuse(x_shape, w, b)
    M, K = w.shape
    flat = len(x_shape) == 2
    N = x_shape[0] if flat else math.prod(x_shape[:-1])
    rows = x if flat else reshaped(x, (N, K))
    y = empty((N, M), x.dtype)
    linear_forward(rows, w, b, y, 0 if activation is None else list(ACTIVATIONS).index(activation))
    activation_backward = ACTIVATIONS[activation][1]

    def gradient(dy, needs):
        dy = dy if flat else dy.reshape(N, M)
        if activation_backward is not None:
            dz = empty((N, M), y.dtype)
            activation_backward(dy, y, dz)
            dy = dz
        dx = dw = db = None
        if needs[0]:
            dx = empty((N, K), x.dtype)
            matmul_forward(dy, w, dx)
            dx = dx if flat else dx.reshape(x_shape)
        if needs[1]:
            dw = empty((M, K), w.dtype)
            matmul_forward(dy.T, rows, dw)
        if needs[2]:
            db = empty((M,), w.dtype)
            linear_backward_bias(dy, db)
        return dx, dw, db

    saves: tuple[Any, ...] = ("weight", 0), ("input", 1)
    return y if flat else y.reshape(*x_shape[:-1], M), gradient, saves if activation is None else (*saves, "output")


def refuse(x_shape: tuple[int, ...], w: Any, b: Any) -> None:
    """Says which shapes do not fit."""
    check_rank("linear", "weight", w, 2, layout="(out_features, in_features)")
    M, K = w.shape
    shapes = f"(input {x_shape}, weight {w.shape})"
    if x_shape[-1:] != (K,):
        has = f"{x_shape[-1]} features" if x_shape else "no dimension"
        raise ValueError(f"linear: input has {has} but weight needs {K} {shapes}")
    raise ValueError(f"linear: bias has shape {b.shape} but must be ({M},), one number for each output {shapes}")
