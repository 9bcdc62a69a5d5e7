"""embedding_bag: the sum, mean or largest of the rows that each bag of words names.

    sum   y[b] = sum over the words i of bag b of a[i] weight[input[i]]      mean: by their number; max: the largest

Shapes    input (B, L): bags of L words, or (M) with offsets (B), where each bag begins; weight (V, D); y (B, D)
Gradient  da[b, i] = dy[b] . weight[input[i]];  dweight[input[i]] += a[i] dy[b], by the number of words for means, for
          max where the number is the largest, shared evenly by equals
Special   a bag without words is 0
Source    Joulin, Grave, Bojanowski, Mikolov, "Bag of tricks for efficient text classification", EACL 2017
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._compiled import needs_copies, usual_classes
from ..arguments import Array, check_array, check_choice, check_flag, check_floats
from ..op import empty, op
from ..tensor import Tensor, as_tensor
from .amax import amax
from .clone import zeros
from .embedding import check_padding, embedding
from .gather import add_rows, take_rows
from .mean import mean_forward
from .mul import mul, mul_forward
from .reshape import reshape
from .scatter_add import index_add
from .sum import sum_forward

NAME = "embedding_bag"
BLOCK = 2**14  # numbers of rows that are in memory at a time


def _ends(words: Array, offsets: Any, include_last_offset: bool) -> Array:
    """Where the bags begin, and where the last one ends."""
    if words.ndim == 2 and offsets is None:
        return np.asarray(np.arange(words.shape[0] + 1) * words.shape[1])
    if words.ndim != 1 or offsets is None:
        raise ValueError(f"{NAME}: input must be (B, L) without offsets or (M) with offsets, but has {words.shape}")
    starts = check_array(NAME, "offsets", offsets.data if isinstance(offsets, Tensor) else offsets)
    if starts.dtype.kind not in "iu" or starts.ndim != 1 or (include_last_offset and not starts.size):
        raise ValueError(f"{NAME}: offsets must be a vector of integers, but is {starts.dtype} {starts.shape}")
    ends = starts if include_last_offset else np.append(starts, words.size)
    if ends[0] != 0 or (np.diff(ends.astype(np.int64)) < 0).any() or ends[-1] > words.size:
        raise ValueError(f"{NAME}: offsets must begin with 0, not fall and end at or before {words.size}")
    return ends.astype(np.int64)


@op("weight", "factors")
def _bags(weight: Any, factors: Any, words: Array, mean: bool) -> Any:
    """Bags (B, L) of one size, block by block, so that the rows of all words are never in memory at once."""
    (B, L), D, dtype = words.shape, weight.shape[1], weight.dtype
    y, share = empty((B, D), dtype), np.full((), 1 / max(L, 1) if mean else 1, dtype)
    step = max(1, BLOCK // (L * D + 1))
    memory = empty((min(step, B), L, D), dtype)
    blocks = [(slice(b, b + step), memory[: B - b]) for b in range(0, B, step)]

    def look_up(b: slice, rows: Array) -> None:
        take_rows(weight, words[b].reshape(-1), rows)

    for b, rows in blocks:
        look_up(b, rows)
        if factors is not None:
            mul_forward(rows, factors[b, :, None], rows)
        (mean_forward if mean else sum_forward)(rows, y[b, None])

    def gradient(dy, needs):
        dweight = zeros(weight.shape, dtype) if needs[0] else None
        dfactors = empty(words.shape, dtype) if needs[1] else None
        for b, rows in blocks:
            if dfactors is not None:
                look_up(b, rows)
                mul_forward(rows, dy[b, None], rows)
                sum_forward(rows, dfactors[b, :, None])
            if dweight is not None:
                mul_forward(dy[b, None], share if factors is None else factors[b, :, None], rows)
                add_rows(rows.reshape(-1, D), words[b].reshape(-1), dweight)
        return dweight, dfactors

    return y, gradient, ("weight", "factors")


@op("rows")
def _largest(rows: Any, bags: Array, lengths: Array) -> Any:
    """The largest of the rows of each bag."""
    some, y = lengths > 0, np.zeros((len(lengths), rows.shape[1]), rows.dtype)
    starts = (np.cumsum(lengths) - lengths)[some]
    if starts.size:
        y[some] = np.maximum.reduceat(rows, starts)

    def gradient(dy, needs):
        most = y[bags]
        hits = (rows == most) | (most != most) & (rows != rows)
        ties = np.ones(y.shape, rows.dtype)
        if starts.size:
            ties[some] = np.add.reduceat(hits, starts, dtype=rows.dtype)
        return hits * (dy / ties)[bags]

    return y, gradient, ("rows",)


def embedding_bag(
    input: Any,
    weight: Any,
    offsets: Any = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """A row for each bag of words. See the top of this file.

    mode: "sum", "mean" or "max". per_sample_weights: a, of input's shape, for sums. include_last_offset: offsets ends
    with where the last bag ends. padding_idx: words that do not count. max_norm must be None.
    """
    check_choice(NAME, "mode", mode, "sum", "mean", "max")
    words = check_array(NAME, "input", input.data if isinstance(input, Tensor) else input)
    table = as_tensor(NAME, weight)
    check_floats(NAME, weight=table.data)
    ends = _ends(words, offsets, check_flag(NAME, "include_last_offset", include_last_offset))
    lengths = np.diff(ends)
    bags = np.repeat(np.arange(len(lengths)), lengths)
    flat = words.reshape(-1)[: ends[-1]]
    kept: Any = slice(None)
    if padding_idx is not None and table.ndim:
        kept = np.flatnonzero(flat != check_padding(NAME, padding_idx, table.shape[0]))
        flat, bags = flat[kept], bags[kept]
        lengths = np.bincount(bags, minlength=len(lengths))
    factors = None
    if per_sample_weights is not None:
        factors = as_tensor(NAME, per_sample_weights)
        if mode != "sum" or factors.shape != words.shape:
            raise ValueError(f"{NAME}: per_sample_weights needs mode 'sum' and the shape {words.shape} of input")
    plain = not (scale_grad_by_freq or sparse) and (factors is None or factors.dtype == table.dtype)
    if plain and mode != "max" and offsets is None and padding_idx is None:
        index = flat.astype(np.int64, copy=needs_copies())
        if flat.dtype.kind in "iu" and table.ndim == 2 and usual_classes(index, index.shape, table.shape[0]):
            return _bags(table, factors, index.reshape(words.shape), mode == "mean")
    rows = embedding(flat, table, None, max_norm, norm_type, scale_grad_by_freq, sparse)
    if mode == "max":
        equal = words.ndim == 2 and padding_idx is None and words.size > 0
        return amax(reshape(rows, *words.shape, -1), 1) if equal else _largest(rows, bags, lengths)
    if factors is not None:
        rows = mul(rows, reshape(reshape(factors, -1)[: ends[-1]][kept], -1, 1))
    nothing = np.zeros((len(lengths), table.shape[1]), table.dtype)
    total = index_add(nothing, 0, bags, rows)
    return total if mode == "sum" else mul(total, (1 / np.maximum(lengths, 1)).astype(table.dtype)[:, None])
