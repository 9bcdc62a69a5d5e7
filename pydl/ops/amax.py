"""amax: the largest element over some or all dimensions, and amin: the smallest.

    y[k] = max over r of x[k, r]      (k: the kept indices, r: the ones in dim); amin: min

Shapes    x (*), y: x without the dimensions dim, or with size 1 there if keepdim; no dim: all, y ()
Gradient  dx[k, r] = dy[k] / (how many r have x[k, r] = y[k]) where x[k, r] = y[k], else 0
Special   NaN is larger and smaller than every number; nothing has no largest element (ValueError)
Source    Any split over the ties is a subgradient: Boyd, Duchi, Pilanci, Vandenberghe, "Subgradients", notes for
          EE364b, Stanford (2022); the even one treats equals alike
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._compiled import empty_reduced
from ..arguments import check_array, check_float, check_reduction
from ..op import empty, kernel, op
from .sum import draw_reduction, index_of_result


@kernel(writes="y")
def amax_forward(x, y):
    y[...] = -np.inf
    for i in np.ndindex(x.shape):
        k = index_of_result(i, y)
        if x[i] > y[k] or np.isnan(x[i]):
            y[k] = x[i]


@kernel(writes="y")
def amin_forward(x, y):
    y[...] = np.inf
    for i in np.ndindex(x.shape):
        k = index_of_result(i, y)
        if x[i] < y[k] or np.isnan(x[i]):
            y[k] = x[i]


@kernel(writes="dx")
def amax_backward(dy, x, y, dx):
    def hits(i, k):
        return x[i] == y[k] or (np.isnan(x[i]) and np.isnan(y[k]))

    ties = np.zeros(y.shape)
    for i in np.ndindex(x.shape):
        k = index_of_result(i, y)
        ties[k] += hits(i, k)
    for i in np.ndindex(x.shape):
        k = index_of_result(i, y)
        dx[i] = dy[k] / ties[k] if hits(i, k) else 0.0


@amax_forward.samples
@amin_forward.samples
def _(draw):
    x, ones = draw_reduction(draw, low=1)
    return {"x": draw.special(x.shape), "y": draw.out(ones)}


@amax_backward.samples
def _(draw):
    x, ones = draw_reduction(draw, low=1)
    x = np.asarray(np.round(2 * x), x.dtype)  # few values, many ties
    y = np.asarray(x.max(tuple(d for d, size in enumerate(ones) if size == 1), keepdims=True))
    return {"dy": draw.array(ones), "x": x, "y": y, "dx": draw.out(x.shape)}


def extreme(name: str, forward: Any, numpy_form: Any, input: Any, dim: Any, keepdim: bool) -> Any:
    """What amax and amin have in common."""
    x = check_array(name, "input", input)
    dims, ones, shape, count = check_reduction(name, x.shape, dim, keepdim)
    if count == 0:
        raise ValueError(f"{name}: input has shape {x.shape}, and nothing has no largest or smallest element")
    if x.dtype.kind != "f":
        return np.asarray(numpy_form.reduce(x, dims)).reshape(shape)
    x = check_float(name, "input", x)
    y, lines = empty_reduced(x, ones, shape)
    forward(x, lines)

    def gradient(dy, needs):
        dx = empty(x.shape, x.dtype)
        amax_backward(dy.reshape(ones), x, y.reshape(ones), dx)
        return dx

    return y, gradient, ("input", "output")


@op("input")
def amax(input: Any, dim: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Any:
    """The largest element over the dimensions `dim`. See the top of this file."""
    return extreme("amax", amax_forward, np.maximum, input, dim, keepdim)


@op("input")
def amin(input: Any, dim: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Any:
    """The smallest element over the dimensions `dim`. See the top of this file."""
    return extreme("amin", amin_forward, np.minimum, input, dim, keepdim)
