"""Several tensors as one, and one as several, made of cat, stack, split and expand, whose gradients they have.

concat, concatenate   cat          hstack, vstack (row_stack), dstack, column_stack   side by side, ...
tensor_split, hsplit, vsplit       pieces of nearly one size, or cut at given places
broadcast_tensors     repeated to their common shape
meshgrid              coordinates of a grid: y_a[i, j, ..] = x_a[i] for the first, x_b[j] for the second, ...
cartesian_prod        all combinations of one element each           combinations   all choices of r elements of one
block_diag            matrices along the diagonal of a larger one, zeros elsewhere
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ..arguments import check_choice, check_dim, check_flag, check_integer, check_list
from ..tensor import Tensor, as_tensor
from .broadcasting import broadcast_shape
from .cat import cat, stack
from .composed_shapes import atleast_1d, atleast_2d, atleast_3d
from .expand import along_a_grid, expand
from .getitem import getitem
from .reshape import reshape
from .setitem import setitem
from .split import split

concat = concatenate = cat


def _listed(name: str, tensors: Any) -> list[Tensor]:
    """A list of tensors, or the arguments themselves."""
    if len(tensors) == 1 and isinstance(tensors[0], tuple | list):
        tensors = tensors[0]
    given = tensors if type(tensors) in (tuple, list) else check_list(name, "tensors", tensors, "a list of tensors")
    made = [as_tensor(name, each) for each in given]
    if not made:
        raise ValueError(f"{name}: tensors is empty, but one or more are needed")
    return made


def _side_by_side(name: str, tensors: Any, form: Any, rank: int, dim: int | None) -> Tensor:
    """form: what makes `rank` dimensions of fewer. dim: None for the second dimension, or that of vectors."""
    if isinstance(tensors, Tensor | np.ndarray):
        raise TypeError(f"{name}: tensors must be a list of tensors, not one of them")
    parts = _listed(name, (tensors,))
    ranks = [each.ndim for each in parts]
    if min(ranks) < rank:
        parts = [each if each.ndim >= rank else form(each) for each in parts]
    return cat(parts, dim if dim is not None else 0 if max(ranks) < 2 else 1)


def hstack(tensors: Any) -> Tensor:
    """Side by side: along the second dimension, vectors along their own."""
    return _side_by_side("hstack", tensors, atleast_1d, 1, None)


def vstack(tensors: Any) -> Tensor:
    """One above another: along the first dimension, vectors as rows."""
    return _side_by_side("vstack", tensors, atleast_2d, 2, 0)


row_stack = vstack


def dstack(tensors: Any) -> Tensor:
    """One behind another: along the third dimension."""
    return _side_by_side("dstack", tensors, atleast_3d, 3, 2)


def column_stack(tensors: Any) -> Tensor:
    """As hstack, but vectors and numbers are columns."""
    return _side_by_side("column_stack", tensors, lambda x: reshape(x, (x.numel(), 1)), 2, 1)


def tensor_split(input: Any, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """So many pieces, the first ones one larger where it does not come out even; or cut at the given indices."""
    x, given = as_tensor("tensor_split", input), indices_or_sections
    if x.ndim == 0:
        raise ValueError("tensor_split: input has no dimensions to be cut along")
    d = check_dim("tensor_split", dim, x.ndim)
    size = x.shape[d]
    if isinstance(given, tuple | list):
        places = [check_integer("tensor_split", "indices_or_sections", each, -(2**31)) for each in given]
        cuts = [0, *(min(max(each + size if each < 0 else each, 0), size) for each in places), size]
        parts = [slice(a, b) for a, b in itertools.pairwise(cuts)]
        return tuple(getitem(x, (*(slice(None),) * d, each)) for each in parts)
    count = check_integer("tensor_split", "indices_or_sections", given, 1)
    if count > 2**20:
        raise ValueError(f"tensor_split: indices_or_sections is too large ({count})")
    small, larger = divmod(size, count)
    return tuple(split(x, [small + (n < larger) for n in range(count)], d))


def hsplit(input: Any, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """tensor_split along the second dimension, of a vector along its own; equal pieces."""
    x = as_tensor("hsplit", input)
    if x.ndim == 0:
        raise ValueError("hsplit: input has no dimensions to be cut along")
    return _even("hsplit", x, indices_or_sections, min(1, x.ndim - 1))


def vsplit(input: Any, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """tensor_split along the first dimension of two or more; equal pieces."""
    x = as_tensor("vsplit", input)
    if x.ndim < 2:
        raise ValueError(f"vsplit: input must have at least 2 dimensions, but has shape {x.shape}")
    return _even("vsplit", x, indices_or_sections, 0)


def _even(name: str, x: Tensor, sections: Any, d: int) -> tuple[Tensor, ...]:
    if not isinstance(sections, tuple | list) and x.shape[d] % check_integer(name, "indices_or_sections", sections, 1):
        raise ValueError(f"{name}: dimension {d} of {x.shape} is not {sections} equal pieces; use tensor_split()")
    return tensor_split(x, sections, d)


def broadcast_tensors(*tensors: Any) -> list[Tensor]:
    """The tensors repeated to their common shape."""
    listed = _listed("broadcast_tensors", tensors)
    shape = broadcast_shape("broadcast_tensors", *(each.data for each in listed))
    return [expand(each, shape) for each in listed]


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """The coordinates of a grid, one tensor for each vector; indexing "xy": the first two dimensions change places."""
    listed = _listed("meshgrid", tensors)
    swapped = check_choice("meshgrid", "indexing", indexing, "ij", "xy") == "xy" and len(listed) > 1
    for n, each in enumerate(listed):
        if each.ndim > 1:
            raise ValueError(f"meshgrid: tensors[{n}] must be a vector or a number, but has shape {each.shape}")
    order = [1, 0, *range(2, len(listed))] if swapped else [*range(len(listed))]
    whole = tuple([listed[k].data.size for k in order])
    return tuple(
        [
            along_a_grid(each, tuple([size if k == n else 1 for k, size in zip(order, whole, strict=True)]), whole)
            for n, each in enumerate(listed)
        ]
    )


def cartesian_prod(*tensors: Any) -> Tensor:
    """All combinations of one element of each vector, a row for each, the last vector's changing fastest."""
    listed = _listed("cartesian_prod", tensors)
    if len(listed) == 1:
        return listed[0]
    return stack([reshape(each, -1) for each in meshgrid(*listed)], 1)


def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of r elements of a vector, a row for each, in order of their places."""
    x, count = as_tensor("combinations", input), check_integer("combinations", "r", r, 0)
    if x.ndim != 1:
        raise ValueError(f"combinations: input must be a vector, but has shape {x.shape}")
    again = check_flag("combinations", "with_replacement", with_replacement)
    if count == 0:
        return getitem(x, slice(0, 0))
    if not again and count > len(x):
        return reshape(getitem(x, slice(0, 0)), (0, count))
    choose = itertools.combinations_with_replacement if again else itertools.combinations
    rows = np.array(list(choose(range(len(x)), count)), np.int64).reshape(-1, count)
    return getitem(x, rows)


def block_diag(*tensors: Any) -> Tensor:
    """A matrix with the given ones along its diagonal; vectors are rows."""
    listed = [atleast_2d(each) for each in _listed("block_diag", tensors)]
    for n, each in enumerate(listed):
        if each.ndim != 2:
            raise ValueError(f"block_diag: tensors[{n}] must be a matrix or less, but has shape {each.shape}")
    rows, columns = ([each.shape[k] for each in listed] for k in (0, 1))
    dtype = np.result_type(*(each.dtype for each in listed))
    y = Tensor(np.zeros((sum(rows), sum(columns)), dtype))
    i = j = 0
    for each, M, N in zip(listed, rows, columns, strict=True):
        y = setitem(y, each.to(dtype), (slice(i, i + M), slice(j, j + N)))
        i, j = i + M, j + N
    return y
