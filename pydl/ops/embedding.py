"""embedding: rows of a table, one for each word number.

    y[m, d] = weight[x[m], d]

Shapes    x (*): integers from 0 to V - 1, weight (V, D), y (*, D). Kernels see x as (M).
Gradient  dweight[v, d] = sum of dy[m, d] over all m with x[m] = v, in the order of m; 0 for v = padding_idx;
          divided by the number of these m with scale_grad_by_freq; only the rows v that occur with sparse
Source    Bengio, Ducharme, Vincent, Jauvin, "A neural probabilistic language model", JMLR 3 (2003)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._compiled import flat, needs_copies, usual_numbers, usual_rows
from ..arguments import check_array, check_flag, check_floats, check_integer, check_rank, show
from ..op import empty, kernel, op
from ..sparse import SparseRows
from .gather import arrays_of_rows, gather_forward


@kernel(writes="dweight")
def embedding_backward(dy, index, padding_idx, dweight):
    """padding_idx: the row that gets no gradient, or -1."""
    dweight[...] = 0.0
    for m, d in np.ndindex(dy.shape):
        if index[m] != padding_idx:
            dweight[index[m], d] += dy[m, d]


@embedding_backward.samples
def _(draw):
    V, D, M = draw.choice(
        (draw.integer(1, 9), draw.integer(0, 40), draw.integer(0, 30)),
        (draw.integer(1, 5), draw.integer(1, 3), draw.integer(6000, 7000)),
        (draw.integer(1, 5), draw.integer(60, 100), draw.integer(280, 300)),
    )
    index, padding_idx = draw.integers((M,), 0, V - 1), draw.integer(-1, V - 1)
    return {"dy": draw.array((M, D)), "index": index, "padding_idx": padding_idx, "dweight": draw.out((V, D))}


@op("input", "weight")
def embedding(
    input: Any,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    """The rows of weight that input names, like torch.nn.functional.embedding. See the top of this file.

    padding_idx: a row that gets no gradient, counted from the end if negative. scale_grad_by_freq: divides the gradient
    of a row by how often input names it. sparse: the gradient of weight, a leaf, is SparseRows. max_norm must be None.
    Errors: TypeError for an input that holds no integers; IndexError for a number beyond the
    table.
    """
    index, y, arrays = usual_rows(input, weight) or _rows(input, weight)
    V, D = arrays[0].shape[1:]
    padding = -1 if padding_idx is None else check_padding("embedding", padding_idx, V)
    if max_norm is not None:
        refuse_max_norm("embedding", max_norm)
    if scale_grad_by_freq is not False or sparse is not False:
        scale_grad_by_freq = check_flag("embedding", "scale_grad_by_freq", scale_grad_by_freq)
        sparse = check_flag("embedding", "sparse", sparse)
    try:
        gather_forward(*arrays)
    except ValueError:
        raise IndexError(
            f"embedding: input has numbers from {index.min()} to {index.max()} but weight has the rows 0 to {V - 1}"
        ) from None

    def gradient(dy, needs):
        dy = dy.reshape(index.size, D)
        if scale_grad_by_freq:
            dy = dy / np.bincount(index, minlength=V).astype(dy.dtype)[index, None]
        if sparse:
            return None, used_rows(dy, index, padding, (V, D))
        dw = empty((V, D), dy.dtype)
        embedding_backward(dy, index, padding, dw)
        return None, dw

    return y, gradient, ()


def _rows(input: Any, weight: Any) -> tuple[Any, ...]:
    """What usual_rows() returns, for any numbers and weight that can be converted."""
    x = check_array("embedding", "input", input)
    (w,) = check_floats("embedding", weight=weight)
    if x.dtype.kind not in "iu":
        raise TypeError(f"embedding: input has dtype {x.dtype} but must hold integers, the numbers of rows")
    check_rank("embedding", "weight", w, 2, layout="(num_embeddings, embedding_dim)")
    index = usual_numbers(flat(x), w, 0)
    if index is None:
        # Its own, where a gradient may be taken, which must not see later changes.
        index = flat(x).astype(np.int64, copy=needs_copies())
    y = empty((*x.shape, w.shape[1]), w.dtype)
    return index, y, arrays_of_rows(w, index, y)


def used_rows(dy, index, padding_idx, shape):
    """The rows of the gradient that are not bound to be zero."""
    used = index != padding_idx
    rows, places = np.unique(index[used], return_inverse=True)
    values = empty((len(rows), shape[1]), dy.dtype)
    embedding_backward(dy[used], places.astype(np.int64), -1, values)
    return SparseRows(rows, values, shape)


def check_padding(name: str, padding_idx: Any, V: int) -> int:
    """padding_idx counted from the front; -1 for none."""
    if padding_idx is None:
        return -1
    index = check_integer(name, "padding_idx", padding_idx, -(2**31))
    if not -V <= index < V:
        raise ValueError(f"{name}: padding_idx is {index} but the table has {V} rows")
    return index % V


def refuse_max_norm(name: str, max_norm: Any) -> None:
    """What PyTorch has and this does not: it says so."""
    if max_norm is not None:
        raise ValueError(f"{name}: max_norm must be None, not {show(max_norm)}; rows are not rescaled")
