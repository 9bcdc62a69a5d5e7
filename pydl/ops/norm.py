"""norm: the length of all of a tensor, or of its rows.

    y[k] = (sum over r of |x[k, r]|^p)^(1/p)      inf: the largest |x|, -inf: the smallest, 0: how many are not 0
    (k: the kept indices, r: the ones in dim)

Shapes    x (*), y: x without the dimensions dim, or with size 1 there if keepdim; no dim: all, y ()
Gradient  dx[k, r] = dy[k] (|x[k, r]| / y[k])^(p - 1) sign x[k, r]; 0 where a length is 0
Rounding  as for sum
Source    Golub, Van Loan, "Matrix computations" (1996), section 2.2
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._compiled import empty_reduced
from ..arguments import check_float, check_number, check_reduction, show
from ..op import empty, kernel, op
from ..tensor import Tensor, as_tensor
from .abs import abs
from .amax import amax, amin
from .clamp import clamp_forward
from .div import div_forward
from .eq import ne
from .mul import mul_forward
from .pow import pow
from .sqrt import sqrt
from .sum import draw_reduction, index_of_result, sum
from .where import where


@kernel(writes="y")
def norm_forward(x, y):
    y[...] = 0.0
    for i in np.ndindex(x.shape):
        y[index_of_result(i, y)] += x[i] * x[i]
    for i in np.ndindex(y.shape):
        y[i] = math.sqrt(y[i])


@norm_forward.samples
def _(draw):
    x, ones = draw_reduction(draw)
    return {"x": x, "y": draw.out(ones)}


@op("input")
def lengths(input: Any, ones: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """The 2-norms over the dimensions that have size 1 in `ones`."""
    y, lines = empty_reduced(input, ones, shape)
    norm_forward(input, lines)

    def gradient(dy, needs):
        slope, dx = empty(ones, y.dtype), empty(input.shape, y.dtype)
        # No length but 0 is below this: then x is 0, and so is its gradient.
        clamp_forward(y.reshape(ones), 1e-23 if y.dtype == np.float32 else 1e-162, np.inf, slope)
        div_forward(dy.reshape(ones), slope, slope)
        mul_forward(input, slope, dx)
        return dx

    return y, gradient, ("input", "output")


def floats(name: str, input: Any) -> Tensor:
    x = as_tensor(name, input)
    check_float(name, "input", x.data)
    return x


def root(x: Tensor, p: float = 2.0) -> Tensor:
    """x^(1/p), with the gradient 0 where x is 0 and has none."""
    if (p == 2.0 and not x.requires_grad) or x.data.all():
        return sqrt(x) if p == 2.0 else pow(x, 1.0 / p)
    some = ne(x, 0)
    return where(some, root(where(some, x, 1.0), p), x)


def norm(input: Any, p: float | str | None = "fro", dim: Any = None, keepdim: bool = False) -> Tensor:
    """The length of input along the dimensions `dim` (all). p: a number, or "fro", which is 2."""
    x = floats("norm", input)
    if isinstance(p, str) and p != "fro":
        raise ValueError(f"norm: p must be a number or 'fro', not {show(p)}")
    kind = 2.0 if p is None or isinstance(p, str) else check_number("norm", "p", p)
    if kind == 2.0:
        _, ones, shape, _ = check_reduction("norm", x.shape, dim, keepdim)
        return lengths(x, ones, shape)
    if kind == 0.0:
        return sum(ne(x, 0), dim, keepdim).to(x.dtype)
    sizes = abs(x)
    if math.isinf(kind):
        return (amax if kind > 0 else amin)(sizes, dim, keepdim)
    return sum(sizes, dim, keepdim) if kind == 1.0 else root(sum(pow(sizes, kind), dim, keepdim), kind)
