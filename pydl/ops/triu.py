"""triu: the upper triangle of matrices, tril: the lower one; diagonal: what is on a diagonal, diag: a vector put there.

    triu   y[i, j] = x[i, j] where j - i >= diagonal, else 0      tril: where j - i <= diagonal

Shapes    x and y (*, I, J); diagonal: y without the two dimensions and with that of the diagonal behind the others
Gradient  dx = dy in the same places, else 0
Source    Golub, Van Loan, "Matrix computations" (2013), section 1.2
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..arguments import check_array, check_dim, check_integer
from ..op import empty, op
from ..tensor import Tensor, as_tensor
from .clone import copied, copy, zeros
from .setitem import setitem
from .where import where_forward


@lru_cache(maxsize=8)
def _inside(form: Any, rows: int, columns: int, k: int) -> Any:
    """Where the triangle is. The few that a model needs are kept."""
    last = np.arange(rows, dtype=np.int32)[:, None] + np.int32(max(-rows, min(k, columns)))
    return (np.greater_equal if form is np.triu else np.less_equal)(np.arange(columns, dtype=np.int32), last)


def _triangle(name: str, form: Any, input: Any, diagonal: Any) -> Any:
    x = check_array(name, "input", input)
    if x.ndim < 2:
        raise ValueError(f"{name}: input must have at least 2 dimensions, but has shape {x.shape}")
    k = check_integer(name, "diagonal", diagonal, -(2**31))
    if x.dtype.kind not in "fb" or x.dtype.itemsize == 2:
        return form(x, k), lambda dy, needs: form(dy, k), ()
    inside = (_inside if x.shape[-2] * x.shape[-1] <= 2**20 else _inside.__wrapped__)(form, *x.shape[-2:], k)
    if x.dtype.kind == "b":
        return x & inside, lambda dy, needs: form(dy, k), ()
    zero = np.zeros((), x.dtype)

    def chosen(x: Any) -> Any:
        y = empty(x.shape, x.dtype)
        where_forward(inside, x, zero, y)
        return y

    return chosen(x), lambda dy, needs: chosen(dy), ()


@op("input")
def triu(input: Any, diagonal: int = 0) -> Any:
    """The upper triangle; diagonal: where it begins, above 0 to the right of the main one."""
    return _triangle("triu", np.triu, input, diagonal)


@op("input")
def tril(input: Any, diagonal: int = 0) -> Any:
    """The lower triangle; diagonal: where it ends, above 0 to the right of the main one."""
    return _triangle("tril", np.tril, input, diagonal)


@op("input")
def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """The elements whose indices of dim1 and dim2 differ by offset. A copy. See the top of this file."""
    x = check_array("diagonal", "input", input)
    a, b = check_dim("diagonal", dim1, x.ndim, "dim1"), check_dim("diagonal", dim2, x.ndim, "dim2")
    if a == b:
        raise ValueError(f"diagonal: dim1 and dim2 are the same dimension of input {x.shape}")
    k = check_integer("diagonal", "offset", offset, -(2**31))

    def gradient(dy, needs):
        dx = zeros(x.shape, x.dtype)
        there = dx.diagonal(k, a, b)
        there.flags.writeable = True
        copy(dy, there)
        return dx

    return copied(x.diagonal(k, a, b)), gradient, ()


of_matrix = diagonal  # whose name is that of an argument, too


def diag(input: Any, diagonal: int = 0) -> Tensor:
    """A matrix with the vector input on a diagonal, or the diagonal of a matrix."""
    x = as_tensor("diag", input)
    if x.ndim == 2:
        return of_matrix(x, diagonal)
    if x.ndim != 1:
        raise ValueError(f"diag: input must be a vector or a matrix, but has shape {x.shape}")
    k, size = check_integer("diag", "diagonal", diagonal, -(2**16)), x.shape[0]
    i = np.arange(size)
    y = Tensor(np.zeros((size + abs(k), size + abs(k)), x.dtype))
    return setitem(y, x, (i + max(-k, 0), i + max(k, 0)))
