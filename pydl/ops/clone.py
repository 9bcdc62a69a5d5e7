"""clone: the same numbers in other memory; contiguous and to: only where needed, and in another dtype.

    y[i] = x[i]

Shapes    x and y (*)
Gradient  dx = dy in the dtype of x
Memory    clone always copies, in row-major order; contiguous and to only where something has to change
Source    Harris et al., "Array programming with NumPy", Nature 585 (2020)
"""

from __future__ import annotations

from typing import Any

from ..arguments import check_array, check_dtype
from ..op import empty, op
from ..tensor import Tensor, as_tensor


@op("input")
def clone(input: Any) -> Any:
    """A copy with a gradient. See the top of this file."""
    x = check_array("clone", "input", input)
    y = empty(x.shape, x.dtype)
    y[...] = x
    return y, lambda dy, needs: dy, ()


@op("input")
def astype(input: Any, dtype: Any) -> Any:
    """A copy in another dtype. See the top of this file."""
    x = check_array("to", "input", input)
    y = empty(x.shape, dtype)
    y[...] = x
    return y, lambda dy, needs: dy.astype(x.dtype), ()


def contiguous(input: Tensor) -> Tensor:
    """The tensor itself if its elements lie in row-major order, else a clone()."""
    tensor = as_tensor("contiguous", input)
    return tensor if tensor.data.flags.c_contiguous else clone(tensor)


def to(input: Tensor, dtype: Any) -> Tensor:
    """The tensor itself if it has the dtype, else a copy of it in that dtype: to(x, "float64")."""
    new = check_dtype("to", dtype)
    tensor = as_tensor("to", input)
    return tensor if tensor.dtype == new else astype(tensor, new)
