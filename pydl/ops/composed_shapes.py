"""Other shapes of the same numbers, made of reshape, transpose, expand and getitem, whose gradients they have.

t, adjoint        a matrix transposed              swapaxes, swapdims, moveaxis   transpose, movedim
ravel             flattened                        unflatten                      one dimension as several
atleast_1d, _2d, _3d   dimensions of 1 added      narrow, select             length numbers from start; one part
expand_as, view_as, reshape_as, type_as            as another tensor          fliplr, flipud, rot90   matrices turned
take, take_along_dim     elements by their index in the flattened input, or along one dimension
index_fill, index_copy   the parts that a vector of indices names, replaced       masked_scatter   the places of a mask
diff              neighbours' differences          diag_embed, diagflat       vectors put on matrices' diagonals
unfold_dimension  windows along one dimension, behind the others: Tensor.unfold
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import check_dim, check_integer, check_list, check_shape
from ..tensor import Tensor, as_tensor
from .broadcasting import broadcast_shape
from .cat import cat
from .clone import clone, to
from .eq import ne
from .expand import expand
from .flip import flip
from .gather import check_index, gather, index_select
from .getitem import getitem
from .masked_fill import check_mask
from .reshape import flatten, reshape, view
from .setitem import setitem
from .sub import sub
from .transpose import movedim, transpose
from .unfold import windows

swapaxes = swapdims = transpose
moveaxis = movedim


def t(input: Any) -> Tensor:
    """The transpose of a matrix; a vector or a number as it is."""
    x = as_tensor("t", input)
    if x.ndim > 2:
        raise ValueError(f"t: input must be a matrix or less, but has shape {x.shape}; use mT or permute()")
    return transpose(x, 0, 1) if x.ndim == 2 else x


def ravel(input: Any) -> Tensor:
    """All elements as a vector."""
    return flatten(as_tensor("ravel", input))


def unflatten(input: Any, dim: int, sizes: Any) -> Tensor:
    """The dimension dim as several of the given sizes, of which one may be -1."""
    x = as_tensor("unflatten", input)
    d, parts = check_dim("unflatten", dim, x.ndim), check_shape("unflatten", (sizes,), -1)
    known = math.prod(each for each in parts if each != -1)
    missing = x.shape[d] // known if x.ndim and known else 0
    full = tuple(missing if each == -1 else each for each in parts)
    if not x.ndim or parts.count(-1) > 1 or math.prod(full) != x.shape[d]:
        raise ValueError(f"unflatten: sizes {parts} do not make dimension {dim} of input {x.shape}")
    return reshape(x, (*x.shape[:d], *full, *x.shape[d + 1 :]))


def _at_least(name: str, form: Any, tensors: tuple[Any, ...]) -> Any:
    """One tensor, or a tuple of several."""
    several = len(tensors) == 1 and isinstance(tensors[0], tuple | list)
    if several:
        tensors = tuple(tensors[0])
    made = tuple(form(as_tensor(name, each)) for each in tensors)
    return made[0] if len(made) == 1 and not several else made


def atleast_1d(*tensors: Any) -> Any:
    """A number as a vector."""
    return _at_least("atleast_1d", lambda x: x if x.ndim else reshape(x, 1), tensors)


def atleast_2d(*tensors: Any) -> Any:
    """A vector as a matrix of one row."""
    return _at_least("atleast_2d", lambda x: x if x.ndim > 1 else reshape(x, (1, x.numel())), tensors)


def atleast_3d(*tensors: Any) -> Any:
    """A vector as (1, N, 1), a matrix as (N, M, 1)."""

    def form(x: Tensor) -> Tensor:
        return x if x.ndim > 2 else reshape(x, {0: (1, 1, 1), 1: (1, *x.shape, 1), 2: (*x.shape, 1)}[x.ndim])

    return _at_least("atleast_3d", form, tensors)


def narrow(input: Any, dim: int, start: int, length: int) -> Tensor:
    """`length` of the numbers along dim, from `start` on; memory is shared."""
    x = as_tensor("narrow", input)
    d = check_dim("narrow", dim, x.ndim)
    if x.ndim == 0:
        raise ValueError("narrow: input has no dimensions")
    size, count = x.shape[d], check_integer("narrow", "length", length, 0)
    first = check_integer("narrow", "start", start, -size)
    first += size if first < 0 else 0
    if first + count > size:
        raise ValueError(f"narrow: {count} numbers from {first} on are more than dimension {d} of {x.shape} has")
    return getitem(x, (*(slice(None),) * d, slice(first, first + count)))


def select(input: Any, dim: int, index: int) -> Tensor:
    """The part at one index of dim; memory is shared."""
    x = as_tensor("select", input)
    d = check_dim("select", dim, x.ndim)
    if x.ndim == 0:
        raise ValueError("select: input has no dimensions")
    size, place = x.shape[d], check_integer("select", "index", index, -(2**31))
    if not -size <= place < size:
        raise IndexError(f"select: index is {place}, but dimension {d} of {x.shape} has {size}")
    return getitem(x, (*(slice(None),) * d, place))


def expand_as(input: Any, other: Any) -> Tensor:
    """Repeated to the shape of other."""
    return expand(input, as_tensor("expand_as", other).shape)


def view_as(input: Any, other: Any) -> Tensor:
    """In the shape of other, without a copy."""
    return view(input, as_tensor("view_as", other).shape)


def reshape_as(input: Any, other: Any) -> Tensor:
    """In the shape of other."""
    return reshape(input, as_tensor("reshape_as", other).shape)


def type_as(input: Any, other: Any) -> Tensor:
    """In the dtype of other."""
    return to(input, as_tensor("type_as", other).dtype)


def fliplr(input: Any) -> Tensor:
    """The second dimension reversed."""
    x = as_tensor("fliplr", input)
    if x.ndim < 2:
        raise ValueError(f"fliplr: input must have at least 2 dimensions, but has shape {x.shape}")
    return flip(x, 1)


def flipud(input: Any) -> Tensor:
    """The first dimension reversed."""
    x = as_tensor("flipud", input)
    if x.ndim < 1:
        raise ValueError("flipud: input must have at least 1 dimension, but has shape ()")
    return flip(x, 0)


def rot90(input: Any, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """Turned by k right angles in the plane of two dimensions, from the first to the second."""
    x, turns = as_tensor("rot90", input), check_integer("rot90", "k", k, -(2**31)) % 4
    plane = [check_dim("rot90", each, x.ndim) for each in check_list("rot90", "dims", dims, "two dimensions")]
    if x.ndim < 2 or len(plane) != 2 or plane[0] == plane[1]:
        raise ValueError(f"rot90: dims must be two dimensions of input {x.shape}, not {dims}")
    a, b = plane
    if turns % 2 == 0:
        return flip(x, plane) if turns else clone(x)
    return transpose(flip(x, b if turns == 1 else a), a, b)


def take(input: Any, index: Any) -> Tensor:
    """The elements at integers that count through the flattened input, in the shape of index."""
    x, places = as_tensor("take", input), as_tensor("take", index).data
    size = x.numel()
    if places.dtype.kind in "iu" and places.size:
        places = np.where(places < 0, places.astype(np.int64) + size, places.astype(np.int64))
    return reshape(index_select(reshape(x, -1), 0, check_index("take", places, size).reshape(-1)), places.shape)


def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Tensor:
    """As gather, but input and indices broadcast in all other dimensions; without dim, of the flattened input."""
    x, index = as_tensor("take_along_dim", input), as_tensor("take_along_dim", indices)
    if dim is None:
        return gather(reshape(x, -1), 0, reshape(index, -1))
    d = check_dim("take_along_dim", dim, x.ndim)
    given, wanted = x.data.shape, index.data.shape
    if given[:d] == wanted[:d] and given[d + 1 :] == wanted[d + 1 :] and 0 < len(given) == len(wanted):
        return gather(x, d, index)
    if x.ndim == 0 or index.ndim != x.ndim:
        raise ValueError(f"take_along_dim: indices has shape {index.shape} but must have the dimensions of {x.shape}")
    thin = [np.empty((*each.shape[:d], 1, *each.shape[d + 1 :]), np.bool_) for each in (x, index)]
    common = broadcast_shape("take_along_dim", *thin)
    wide = [(*common[:d], each.shape[d], *common[d + 1 :]) for each in (x, index)]
    return gather(expand(x, wide[0]), d, np.broadcast_to(index.data, wide[1]))


def _index_along(name: str, input: Any, dim: Any, index: Any) -> tuple[Tensor, tuple[Any, ...]]:
    x = as_tensor(name, input)
    if x.ndim == 0:
        raise ValueError(f"{name}: input has no dimensions")
    d = check_dim(name, dim, x.ndim)
    numbers = check_index(name, index, x.shape[d])
    if numbers.ndim > 1:
        raise ValueError(f"{name}: index must be a vector, but has shape {numbers.shape}")
    return x, (*(slice(None),) * d, numbers.reshape(-1))


def index_fill(input: Any, dim: int, index: Any, value: Any) -> Tensor:
    """input with one number in the parts that index, a vector, names along dim."""
    x, places = _index_along("index_fill", input, dim, index)
    if np.ndim(value.data if isinstance(value, Tensor) else value):
        raise ValueError(f"index_fill: value must be one number, but has shape {np.shape(value)}")
    return setitem(clone(x), value, places)


def index_copy(input: Any, dim: int, index: Any, source: Any) -> Tensor:
    """input with the parts of source in the places of those that index, a vector, names along dim."""
    x, places = _index_along("index_copy", input, dim, index)
    new = as_tensor("index_copy", source)
    shape = getitem(x.detach(), places).shape
    if new.shape != shape or new.dtype != x.dtype:
        raise ValueError(
            f"index_copy: source is {new.dtype} {new.shape}, but must be {x.dtype} {shape} for input {x.shape}"
        )
    return setitem(clone(x), new, places)


def masked_scatter(input: Any, mask: Any, source: Any) -> Tensor:
    """input with the elements of source, one after another, where mask is True."""
    x, new, chosen = (
        as_tensor("masked_scatter", input),
        as_tensor("masked_scatter", source),
        check_mask("masked_scatter", mask),
    )
    shape = broadcast_shape("masked_scatter", x.data, chosen)
    chosen = np.broadcast_to(chosen, shape)
    count = int(chosen.sum())
    if new.numel() < count or new.dtype != x.dtype:
        raise ValueError(
            f"masked_scatter: source must have {count} numbers of {x.dtype}, but has {new.numel()} of {new.dtype}"
        )
    y = clone(expand(x, shape))
    return setitem(y, getitem(reshape(new, -1), slice(0, count)), (chosen,)) if count else y


def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Tensor:
    """The differences of neighbours along dim, n times; prepend, append: tensors put before and behind input first."""
    x = as_tensor("diff", input)
    d = check_dim("diff", dim, x.ndim)
    if x.ndim == 0:
        raise ValueError("diff: input must have at least 1 dimension, but has shape ()")
    parts = [as_tensor("diff", each) for each in (prepend, x, append) if each is not None]
    x, whole = cat(parts, d) if len(parts) > 1 else x, (slice(None),) * d
    for _ in range(min(check_integer("diff", "n", n, 0), x.shape[d])):
        after, before = getitem(x, (*whole, slice(1, None))), getitem(x, (*whole, slice(None, -1)))
        x = ne(after, before) if x.dtype.kind == "b" else sub(after, before)
    return x


def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The last dimension on the diagonals of matrices, which are the dimensions dim1 and dim2 of the result."""
    x, k = as_tensor("diag_embed", input), check_integer("diag_embed", "offset", offset, -(2**16))
    a, b = check_dim("diag_embed", dim1, x.ndim + 1, "dim1"), check_dim("diag_embed", dim2, x.ndim + 1, "dim2")
    if x.ndim == 0 or a == b:
        raise ValueError(
            f"diag_embed: dim1 {dim1} and dim2 {dim2} must be two dimensions of a result of input {x.shape}"
        )
    size = x.shape[-1]
    i = np.arange(size)
    zeros = Tensor(np.zeros((*x.shape[:-1], size + abs(k), size + abs(k)), x.dtype))
    y = setitem(zeros, x, (..., i + max(-k, 0), i + max(k, 0)))
    return movedim(y, (-2, -1), (a, b))


def diagflat(input: Any, offset: int = 0) -> Tensor:
    """A matrix with all elements of input on a diagonal."""
    return diag_embed(ravel(input), check_integer("diagflat", "offset", offset, -(2**16)))


def unfold_dimension(input: Any, dimension: int, size: int, step: int) -> Tensor:
    """Windows of `size` numbers along a dimension, `step` apart; their numbers are the last dimension."""
    x = as_tensor("unfold", input)
    d = check_dim("unfold", dimension, x.ndim, "dimension")
    width, apart = check_integer("unfold", "size", size, 0), check_integer("unfold", "step", step, 1)
    if x.ndim == 0 or width > x.shape[d]:
        raise ValueError(f"unfold: size is {width}, but dimension {dimension} of input {x.shape} is smaller")
    return windows(x, d, width, apart)
