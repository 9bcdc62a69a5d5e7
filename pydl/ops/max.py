"""max: the largest element of all, or the one along a dimension with its index, and min: the smallest.

    y[k] = x[k, index[k]],   index[k] = the first c with x[k, c] = max over c' of x[k, c']      (min: min)

Shapes    x (*), y and index (int64): x without the dimension dim, or with size 1 there if keepdim
Gradient  dx[k, index[k]] = dy[k], else 0: the first of equals gets all; without dim it is amax, which splits evenly
Special   NaN comes before every number; nothing has no largest element (ValueError)
Source    as for argmax, whose kernel finds both
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_array
from ..op import op
from .amax import amax_forward, amin_forward, extreme
from .argmax import argmax_forward, argmin_forward, search


def values_and_indices(name: str, forward: Any, input: Any, dim: Any, keepdim: bool) -> Any:
    """What max and min along one dimension have in common."""
    x = check_array(name, "input", input)
    y, index, d = search(name, forward, x, dim, keepdim)

    def gradient(dys, needs):
        dy, _ = dys
        if x.ndim == 0:
            return dy
        dx = np.zeros(x.shape, x.dtype)
        along = (*x.shape[:d], 1, *x.shape[d + 1 :])
        np.put_along_axis(dx, index.reshape(along), dy.reshape(along), d)
        return dx

    return [y, index], gradient, ()


@op("input", several=True)
def max(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The largest element of all, or (values, indices) along dim. See the top of this file."""
    if dim is None:
        return extreme("max", amax_forward, np.max, input, None, keepdim)
    return values_and_indices("max", argmax_forward, input, dim, keepdim)


@op("input", several=True)
def min(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The smallest element of all, or (values, indices) along dim. See the top of this file."""
    if dim is None:
        return extreme("min", amin_forward, np.min, input, None, keepdim)
    return values_and_indices("min", argmin_forward, input, dim, keepdim)
