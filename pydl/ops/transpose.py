"""transpose: two dimensions change places, and permute: all come in another order.

    y[i[dims[0]], i[dims[1]], ...] = x[i]      transpose: two dimensions change places

Shapes    y has the size x.shape[dims[d]] in dimension d
Gradient  dx = dy with the dimensions back in their old order
Memory    shared with x
Source    Harris et al., "Array programming with NumPy", Nature 585 (2020)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._compiled import remembered
from ..arguments import check_array, check_dim, check_dims
from ..op import op
from ..tensor import Tensor, as_tensor


@op("input", view=True)
def transpose(input: Any, dim0: int, dim1: int) -> Any:
    """The dimensions dim0 and dim1 change places. See the top of this file."""
    x = check_array("transpose", "input", input)
    a, b = check_dim("transpose", dim0, x.ndim, "dim0"), check_dim("transpose", dim1, x.ndim, "dim1")
    if x.ndim == 0:
        return x.view(), lambda dy, needs: dy, ()
    return x.swapaxes(a, b), lambda dy, needs: dy.swapaxes(a, b), ()


@op("input", view=True)
def permute(input: Any, *dims: Any) -> Any:
    """The dimensions in the order dims: permute(x, 2, 0, 1) or permute(x, (2, 0, 1)). See the top of this file."""
    x = check_array("permute", "input", input)
    if len(dims) == 1 and isinstance(dims[0], tuple | list):
        dims = tuple(dims[0])
    order, back = _check_order(x.shape, dims)
    return x.transpose(order), lambda dy, needs: dy.transpose(back), ()


@remembered
def _check_order(shape: tuple[int, ...], dims: tuple[Any, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """dims counted from the front, and the order that leads back."""
    order = check_dims("permute", dims, len(shape))
    if len(order) != len(shape):
        raise ValueError(f"permute: dims {dims} must name each of the {len(shape)} dimensions of input (shape {shape})")
    return order, tuple(int(d) for d in np.argsort(order))


def movedim(input: Any, source: int | tuple[int, ...], destination: int | tuple[int, ...]) -> Tensor:
    """The dimensions `source` come to the places `destination`; the others keep their order."""
    x = as_tensor("movedim", input)
    return permute(x, _moved(x.ndim, source, destination))


@remembered
def _moved(rank: int, source: Any, destination: Any) -> tuple[int, ...]:
    """The order of the dimensions."""
    olds, news = check_dims("movedim", source, rank), check_dims("movedim", destination, rank)
    if source is None or destination is None or len(olds) != len(news):
        raise ValueError(f"movedim: source {source} and destination {destination} must name equally many dimensions")
    order = [d for d in range(rank) if d not in olds]
    for new, old in sorted(zip(news, olds, strict=True)):
        order.insert(new, old)
    return tuple(order)


def matrix_transpose(input: Tensor) -> Tensor:
    """Tensor.mT: the last two dimensions change places."""
    tensor = as_tensor("mT", input)
    if tensor.ndim < 2:
        raise ValueError(f"mT: the tensor must have at least 2 dimensions, but has shape {tensor.shape}")
    return transpose(tensor, -2, -1)


@op("input", view=True)
def matrix(input: Any) -> Any:
    """Tensor.T: the transpose of a matrix; vectors and numbers stay as they are."""
    x = check_array("T", "input", input)
    if x.ndim > 2:
        raise ValueError(f"T: the tensor must be a matrix, but has shape {x.shape}; use mT or permute()")
    return x.T, lambda dy, needs: dy.T, ()
