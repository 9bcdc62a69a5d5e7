"""argmax: where the first largest element along a dimension is, and argmin: the first smallest.

    index[k] = the first c with x[k, c] = max over c' of x[k, c']      (argmin: min)

Shapes    x (*), index (int64): x without the dimension dim, or with size 1 there if keepdim
          without dim: index () into the flattened x
Gradient  none, an index is no smooth function of x; see max.py for that of the values
Special   NaN comes before every number; nothing has no largest element (ValueError)
Source    the definition; the prediction of a classifier is the argmax of its outputs
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_array, check_dim, check_flag, check_float
from ..op import empty, kernel, op
from .clone import copied
from .lines import with_last

int64 = np.dtype(np.int64)
MOST_COPIED = 2**24


@kernel(writes="y, index")
def argmax_forward(x, y, index):
    for k in np.ndindex(y.shape):
        best = 0
        for c in range(1, x.shape[-1]):
            if x[k][c] > x[k][best] or (np.isnan(x[k][c]) and not np.isnan(x[k][best])):
                best = c
        index[k] = best
        y[k] = x[k][best]


@kernel(writes="y, index")
def argmin_forward(x, y, index):
    for k in np.ndindex(y.shape):
        best = 0
        for c in range(1, x.shape[-1]):
            if x[k][c] < x[k][best] or (np.isnan(x[k][c]) and not np.isnan(x[k][best])):
                best = c
        index[k] = best
        y[k] = x[k][best]


@argmax_forward.samples
@argmin_forward.samples
def _(draw):
    shape = (*draw.shape(high=5)[:3], draw.integer(1, 100))
    shape = draw.choice(shape, shape, (draw.integer(1, 40), draw.integer(1, 20)), (2, draw.integer(500, 5000)))
    x = draw.special(shape) if draw.integer(0, 1) else np.round(draw.array(shape))
    if x.ndim > 1 and draw.integer(0, 1):
        x = np.ascontiguousarray(np.moveaxis(x, -1, -2)).swapaxes(-1, -2)  # the last dimension is not the closest
    return {"x": x, "y": draw.out(shape[:-1]), "index": draw.out(shape[:-1], int64)}


def search(name: str, forward: Any, x: Any, dim: Any, keepdim: bool) -> tuple[Any, Any, int]:
    """Values and indices along `dim`, and dim counted from the front."""
    d, keepdim = check_dim(name, dim, x.ndim), check_flag(name, "keepdim", keepdim)
    if x.ndim == 0:
        return x.copy(), np.zeros((), int64), 0
    if x.shape[d] == 0:
        raise ValueError(f"{name}: input has shape {x.shape}, and nothing has no largest or smallest element")
    # Numbers with gaps between them: the kernel is quick without. Views may have more than memory holds.
    if x.dtype.kind == "f" and x.itemsize not in x.strides and x.size <= MOST_COPIED:
        x = copied(x)
    last = with_last(x, d)
    shape = (*x.shape[:d], 1, *x.shape[d + 1 :]) if keepdim else last.shape[:-1]
    if x.dtype.kind != "f":
        largest = forward is argmax_forward
        index = np.asarray(x.argmax(d) if largest else x.argmin(d), int64)
        y = np.asarray((np.maximum if largest else np.minimum).reduce(x, d))  # sooner found than fetched
        return y.reshape(shape), index.reshape(shape), d
    last = check_float(name, "input", last)
    y, index = empty(shape, x.dtype), empty(shape, int64)
    if keepdim:
        forward(last, y.reshape(last.shape[:-1]), index.reshape(last.shape[:-1]))
    else:
        forward(last, y, index)
    return y, index, d


def arg(name: str, forward: Any, input: Any, dim: Any, keepdim: bool) -> Any:
    """What argmax and argmin have in common."""
    x = check_array(name, "input", input)
    if dim is not None:
        return search(name, forward, x, dim, keepdim)[1]
    index = search(name, forward, x.reshape(-1), 0, False)[1]
    return index.reshape((1,) * x.ndim) if check_flag(name, "keepdim", keepdim) else index


@op("input")
def argmax(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """Where the first largest element is, int64. See the top of this file."""
    return arg("argmax", argmax_forward, input, dim, keepdim)


@op("input")
def argmin(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """Where the first smallest element is, int64. See the top of this file."""
    return arg("argmin", argmin_forward, input, dim, keepdim)
