"""kthvalue: the number at one place of the order along a dimension; mode: the most frequent.

    kthvalue    y[a] = x[a, index[a]], of which k - 1 elements of the line are smaller, or equal
    median      the same with k = (K + 1) // 2, of K numbers that are not NaN
    mode        x[a, n] as often in the line as no other number, of several the smallest

Shapes    x (*), y and index (int64) without the dimension, or with 1 in its place
Gradient  dx[a, index[a]] = dy[a], else 0
Special   NaN comes after every number, and is the median where there is one; index is the first place of the number,
          of a mode the last one
Source    Hoare, "Algorithm 65: find", Communications of the ACM 4 (1961); Knuth, "The art of computer programming",
          volume 3 (1998), section 5.3.3
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._compiled import flat
from ..arguments import Array, check_array, check_dim, check_flag, check_integer
from ..op import empty, kernel, op
from ..tensor import as_tensor
from .clone import reshaped, zeros
from .gather import add_along
from .lines import with_last
from .max import ValuesIndices
from .sort import mode_forward

KTH, MEDIAN, NANMEDIAN = range(3)  # as in csrc/kthvalue.cpp

_int64 = np.dtype(np.int64)


@kernel(writes="values, index")
def kthvalue_forward(x, k, form, values, index):
    """form: whether the place is k, counted from 0, or the middle, of all numbers or of those that are not NaN."""
    for a, line in enumerate(x):
        order = sorted(range(len(line)), key=lambda c: (bool(np.isnan(line[c])), 0.0 if np.isnan(line[c]) else line[c]))
        count = sum(not np.isnan(each) for each in line)
        place = k
        if form != KTH:
            place = count if form == MEDIAN and count < len(line) else max(count - 1, 0) // 2
        # The first of equals, as sorted() keeps their order.
        value = line[order[place]]
        index[a] = next(c for c, each in enumerate(line) if each == value or (np.isnan(each) and np.isnan(value)))
        values[a] = line[index[a]]


@kthvalue_forward.samples
def _(draw):
    A, K = draw.integer(0, 5), draw.choice(draw.integer(1, 20), draw.integer(90, 300))
    x = np.round(draw.special((A, K)), draw.choice(0, 8))
    return {
        "x": x,
        "k": draw.integer(0, K - 1),
        "form": draw.choice(KTH, MEDIAN, NANMEDIAN),
        "values": draw.out((A,)),
        "index": np.zeros(A, np.int64),
    }


def _ordered(x: Array) -> Array:
    """Floats that are ordered as x is."""
    if x.dtype == np.float32 or x.dtype == np.float64:
        return x
    if x.dtype.kind == "f":
        return x.astype(np.float32 if x.dtype == np.float16 else np.float64)
    if x.dtype.itemsize == 8 and x.size and not -(2**53) <= x.min() <= x.max() <= 2**53:
        return np.unique(x, return_inverse=True)[1].reshape(x.shape).astype(np.float64)
    return x.astype(np.float64)


@op("input", several=True)
def chosen_of_lines(input: Any, name: str, dim: Any, keepdim: Any, forward: Any, *settings: Any) -> Any:
    """What a kernel chooses of each line along a dimension, or of all elements, and where it was."""
    x = check_array(name, "input", input)
    keep = check_flag(name, "keepdim", keepdim)
    if dim is None or x.ndim == 0:
        check_dim(name, 0 if dim is None else dim, x.ndim or 1)
        last, d, shape, ones = flat(x), 0, (), (1,)
    else:
        d = check_dim(name, dim, x.ndim)
        last = with_last(x, d)
        shape, ones = last.shape[:-1], (*x.shape[:d], 1, *x.shape[d + 1 :])
    if last.shape[-1] == 0:
        raise IndexError(f"{name}: dimension {d} of input {x.shape} has no elements to choose from")
    lines = (
        last.reshape(1, last.size) if last.ndim == 1 else reshaped(last, (math.prod(last.shape[:-1]), last.shape[-1]))
    )
    numbers = _ordered(lines)
    y, index = empty((len(lines),), numbers.dtype), empty((len(lines),), _int64)
    forward(numbers, *settings, y, index)
    if numbers is not lines:
        y = np.take_along_axis(lines, index[:, None], 1)

    def gradient(dys, needs):
        dx = zeros(x.shape, x.dtype)
        lines = dx if dx.ndim == len(ones) else flat(dx)
        add_along(dys[0].reshape(ones), index.reshape(ones), lines, d)
        return dx

    kept = ones if keep and x.ndim and dim is not None else shape
    return [y.reshape(kept), index.reshape(kept)], gradient, ()


def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """(values, indices) of the k-th smallest along dim, k from 1. See the top of this file."""
    x = as_tensor("kthvalue", input)
    d = check_dim("kthvalue", -1 if dim is None else dim, x.ndim or 1)
    number, size = check_integer("kthvalue", "k", k, 1), x.shape[d] if x.ndim else 1
    if number > size:
        raise ValueError(f"kthvalue: k is {number}, but dimension {d} of {x.shape} has {size} elements")
    return ValuesIndices(*chosen_of_lines(x, "kthvalue", d, keepdim, kthvalue_forward, number - 1, KTH))


def mode(input: Any, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """(values, indices) of the most frequent element along dim, of several the smallest, and its last place."""
    return ValuesIndices(*chosen_of_lines(input, "mode", -1 if dim is None else dim, keepdim, mode_forward))
