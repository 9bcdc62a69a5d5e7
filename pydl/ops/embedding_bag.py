"""The sum, mean or largest of the rows that each bag of words names.

    sum   y[b] = sum over the words i of bag b of a[i] weight[input[i]]      mean: by their number; max: the largest

Shapes    input (B, L): bags of L words, or (M) with offsets (B), where each bag begins; weight (V, D); y (B, D)
Gradient  of embedding and index_add, which it is made of
Special   a bag without words is 0
Source    Joulin, Grave, Bojanowski, Mikolov, "Bag of tricks for efficient text classification", EACL 2017
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Array, check_array, check_choice, check_flag, check_floats
from ..tensor import Tensor, as_tensor
from .amax import amax
from .cat import stack
from .embedding import check_padding, embedding
from .gather import index_add
from .mul import mul
from .reshape import reshape

NAME = "embedding_bag"


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
    rows = embedding(flat, table, None, max_norm, norm_type, scale_grad_by_freq, sparse)
    if per_sample_weights is not None:
        factors = as_tensor(NAME, per_sample_weights)
        if mode != "sum" or factors.shape != words.shape:
            raise ValueError(f"{NAME}: per_sample_weights needs mode 'sum' and the shape {words.shape} of input")
        rows = mul(rows, reshape(reshape(factors, -1)[: ends[-1]][kept], -1, 1))
    zeros = np.zeros((len(lengths), table.shape[1]), table.dtype)
    if mode != "max":
        total = index_add(zeros, 0, bags, rows)
        return total if mode == "sum" else mul(total, (1 / np.maximum(lengths, 1)).astype(table.dtype)[:, None])
    starts = np.cumsum(lengths) - lengths
    parts = zip(starts, lengths, zeros, strict=True)
    return stack([amax(rows[int(a) : int(a + n)], 0) if n else Tensor(zero) for a, n, zero in parts])
