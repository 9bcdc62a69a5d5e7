"""cumsum: the sum of all elements up to each one, and prod: the product of some or all.

    cumsum   y[.., i, ..] = sum over j <= i of x[.., j, ..]
    prod     y[k] = product over r of x[k, r]      (k: the kept indices, r: the ones in dim)

Shapes    cumsum: x and y (*); prod: as for sum
Gradient  cumsum: dx[.., j, ..] = sum over i >= j of dy[.., i, ..]
          prod: dx[k, r] = dy[k] times the products of all x[k, r'] before and behind r, which is right with zeros, too
Special   integers and bool become int64
Source    Blelloch, "Prefix sums and their applications", in: Synthesis of Parallel Algorithms (1993)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_array, check_dim, check_float, check_reduction
from ..op import op


def running(x: Any, d: int) -> Any:
    """Sums in double precision, in the dtype of x."""
    return np.cumsum(x, d, np.float64).astype(x.dtype, copy=False) if x.ndim else x.copy()


@op("input")
def cumsum(input: Any, dim: int) -> Any:
    """Sums along the dimension `dim`. See the top of this file."""
    x = check_array("cumsum", "input", input)
    d = check_dim("cumsum", dim, x.ndim)
    if x.dtype.kind != "f":
        return np.cumsum(x, d, np.int64) if x.ndim else x.astype(np.int64)
    x = check_float("cumsum", "input", x)

    def gradient(dy, needs):
        return np.flip(running(np.flip(dy, d), d), d) if x.ndim else dy

    return running(x, d), gradient, ()


@op("input")
def prod(input: Any, dim: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Any:
    """The product over the dimensions `dim`."""
    x = check_array("prod", "input", input)
    dims, _, shape, count = check_reduction("prod", x.shape, dim, keepdim)
    if x.dtype.kind != "f":
        return np.asarray(x.prod(dims, np.int64)).reshape(shape)
    x = check_float("prod", "input", x)
    ends = tuple(range(-len(dims), 0))

    def gradient(dy, needs):
        last = np.moveaxis(x, dims, ends)
        lines = last.reshape(-1, count) if count else np.empty((dy.size, 0), x.dtype)
        before, after = np.ones_like(lines), np.ones_like(lines)
        np.cumprod(lines[:, :-1], 1, out=before[:, 1:])
        np.cumprod(lines[:, :0:-1], 1, out=after[:, -2::-1])
        return np.moveaxis((before * after * dy.reshape(-1, 1)).reshape(last.shape), ends, dims)

    return np.asarray(x.prod(dims), x.dtype).reshape(shape), gradient, ("input",)
