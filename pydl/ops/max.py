"""max: the largest element of all, or the one along a dimension with its index, and min: the smallest.

    y[k] = x[k, index[k]],   index[k] = the first c with x[k, c] = max over c' of x[k, c']      (min: min)

Shapes    x (*), y and index (int64): x without the dimension dim, or with size 1 there if keepdim
          max(x, z) with a tensor z is maximum(x, z)
Gradient  dx[k, index[k]] = dy[k], else 0: the first of equals gets all; without dim it is amax, which splits evenly
Special   NaN comes before every number; nothing has no largest element (ValueError)
Source    as for argmax, whose kernel finds both
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..arguments import check_array
from ..op import op
from ..tensor import Tensor
from .amax import amax_forward, amin_forward, extreme
from .argmax import argmax_forward, argmin_forward, search
from .clone import zeros
from .gather import add_along
from .maximum import maximum
from .minimum import minimum


class ValuesIndices(NamedTuple):
    """Elements and where they were."""

    values: Tensor
    indices: Tensor


@op("input", several=True)
def along(input: Any, name: str, forward: Any, dim: Any, keepdim: bool) -> Any:
    """What max and min along one dimension have in common."""
    x = check_array(name, "input", input)
    y, index, d = search(name, forward, x, dim, keepdim)

    def gradient(dys, needs):
        dy, _ = dys
        if x.ndim == 0:
            return dy
        dx = zeros(x.shape, x.dtype)
        along = (*x.shape[:d], 1, *x.shape[d + 1 :])
        add_along(dy.reshape(along), index.reshape(along), dx, d)
        return dx

    return [y, index], gradient, ()


@op("input")
def of_all(input: Any, name: str, forward: Any, form: Any, keepdim: bool) -> Any:
    """What max and min without a dimension have in common."""
    return extreme(name, forward, form, input, None, keepdim)


def max(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The largest element of all, or (values, indices) along dim. See the top of this file."""
    if dim is None:
        return of_all(input, "max", amax_forward, np.maximum, keepdim)
    if isinstance(dim, Tensor | np.ndarray):
        return maximum(input, dim)
    return ValuesIndices(*along(input, "max", argmax_forward, dim, keepdim))


def min(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest element of all, or (values, indices) along dim. See the top of this file."""
    if dim is None:
        return of_all(input, "min", amin_forward, np.minimum, keepdim)
    if isinstance(dim, Tensor | np.ndarray):
        return minimum(input, dim)
    return ValuesIndices(*along(input, "min", argmin_forward, dim, keepdim))
