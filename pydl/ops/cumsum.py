"""cumsum: the sum of all elements up to each one, and prod: the product of some or all.

    cumsum   y[.., i, ..] = sum over j <= i of x[.., j, ..]
    prod     y[k] = product over r of x[k, r]      (k: the kept indices, r: the ones in dim)

Shapes    cumsum: x and y (*); prod: as for sum
Gradient  cumsum: dx[.., j, ..] = sum over i >= j of dy[.., i, ..]
          prod: dx[k, r] = dy[k] y[k] / x[k, r]; if an x is 0, dy[k] times the products of all x[k, r'] before and
          behind r
Special   integers and bool become int64
Source    Blelloch, "Prefix sums and their applications", in: Synthesis of Parallel Algorithms (1993)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._compiled import along, empty_reduced
from ..arguments import check_array, check_dim, check_float, check_reduction
from ..op import empty, kernel, op
from .clone import reshaped
from .div import div_forward
from .sum import draw_reduction, index_of_result


@kernel(writes="y")
def cumsum_forward(x, backwards, product, y):
    for a, k, b in np.ndindex(x.shape):
        y[a, k, b] = 1.0 if product else 0.0
        for other in range(k, x.shape[1]) if backwards else range(k + 1):
            if product:
                y[a, k, b] *= x[a, other, b]
            else:
                y[a, k, b] += x[a, other, b]


@cumsum_forward.samples
def _(draw):
    shape = draw.integer(0, 9), draw.integer(0, 12), draw.choice(1, draw.integer(0, 60))
    x, backwards, product = draw.array(shape, -1.0, 3.0), draw.choice(True, False), draw.choice(True, False)
    return {"x": x, "backwards": backwards, "product": product, "y": draw.out(shape)}


@kernel(writes="y")
def cumsum_integers(x, product, y):
    """The same for int64, modulo 2^64. y may be x itself."""
    cumsum_forward.reference(x.copy(), False, product, y)


@cumsum_integers.samples
def _(draw):
    shape = draw.integer(0, 9), draw.integer(0, 12), draw.choice(1, draw.integer(0, 60))
    y = draw.out(shape, np.int64)
    return {"x": draw.integers(shape, -9, 9), "product": draw.choice(True, False), "y": y}


@kernel(writes="y")
def prod_forward(x, y):
    y[...] = 1.0
    for i in np.ndindex(x.shape):
        y[index_of_result(i, y)] *= x[i]


@prod_forward.samples
def _(draw):
    x, ones = draw_reduction(draw)
    return {"x": np.asarray(np.exp((x - 1) * 0.01), x.dtype), "y": draw.out(ones)}


def running(x: Any, d: int, backwards: bool = False, product: bool = False) -> Any:
    """Sums or products in double precision, in the dtype of x."""
    if x.ndim == 0:
        return x.copy()
    y = empty(x.shape, x.dtype)
    cumsum_forward(along(x, d), backwards, product, along(y, d))
    return y


def running_integers(x: Any, d: int, product: bool = False) -> Any:
    """Sums or products of whole numbers or flags, in int64."""
    if x.ndim == 0:
        return x.astype(np.int64)
    lines = math.prod(x.shape[:d]), x.shape[d], math.prod(x.shape[d + 1 :])
    is_wide = x.dtype == np.int64
    y = empty(x.shape, np.int64) if is_wide else x.astype(np.int64, order="C")
    cumsum_integers(reshaped(x, lines) if is_wide else y.reshape(lines), product, y.reshape(lines))
    return y


@op("input")
def cumsum(input: Any, dim: int) -> Any:
    """Sums along the dimension `dim`. See the top of this file."""
    x = check_array("cumsum", "input", input)
    d = check_dim("cumsum", dim, x.ndim)
    if x.dtype.kind != "f":
        return running_integers(x, d)
    x = check_float("cumsum", "input", x)

    def gradient(dy, needs):
        return running(dy, d, True) if x.ndim else dy

    return running(x, d), gradient, ()


@op("input")
def prod(input: Any, dim: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Any:
    """The product over the dimensions `dim`."""
    x = check_array("prod", "input", input)
    dims, ones, shape, count = check_reduction("prod", x.shape, dim, keepdim)
    if x.dtype.kind != "f":
        return np.asarray(x.prod(dims, np.int64)).reshape(shape)
    x = check_float("prod", "input", x)
    y, lines = empty_reduced(x, ones, shape)
    prod_forward(x, lines)

    def gradient(dy, needs):
        if np.all(x):
            dx = empty(x.shape, x.dtype)
            div_forward(np.asarray(dy * y, x.dtype).reshape(ones), x, dx)
            return dx
        ends = tuple(range(-len(dims), 0))
        last = np.moveaxis(x, dims, ends)
        lines = last.reshape(-1, count) if count else np.empty((dy.size, 0), x.dtype)
        before, after = np.ones_like(lines), np.ones_like(lines)
        np.cumprod(lines[:, :-1], 1, out=before[:, 1:])
        np.cumprod(lines[:, :0:-1], 1, out=after[:, -2::-1])
        return np.moveaxis((before * after * dy.reshape(-1, 1)).reshape(last.shape), ends, dims)

    return y, gradient, ("input",)
