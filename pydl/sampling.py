"""Tensors of random numbers of other kinds than rand and randn: integers, orders, draws with given probabilities.

They come from the global generator: see random.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import random
from .arguments import check_array, check_dtype, check_flag, check_float, check_float_dtype, check_integer, check_shape
from .ops.cumsum import cumsum_forward
from .ops.randn import normal_numbers
from .ops.sort import first_of_order
from .tensor import Tensor, as_tensor, int64


def randint(*bounds: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """randint(high, size) or randint(low, high, size): integers from low (0) up to, not with, high."""
    if not 2 <= len(bounds) <= 3:
        raise TypeError(f"randint: give high and size, or low, high and size, not {len(bounds)} arguments")
    if not isinstance(bounds[-1], tuple | list):
        raise TypeError("randint: size must be a tuple of integers")
    low, high = (0, bounds[0]) if len(bounds) == 2 else bounds[:2]
    first, end = check_integer("randint", "low", low, -(2**31)), check_integer("randint", "high", high, -(2**31))
    if first >= end:
        raise ValueError(f"randint: low is {first} but must be below high, which is {end}")
    numbers = random.generator().integers(first, end, check_shape("randint", (bounds[-1],)))
    return Tensor(numbers.astype(int64 if dtype is None else check_dtype("randint", dtype)), requires_grad)


def randperm(n: int, dtype: Any = int64, requires_grad: bool = False) -> Tensor:
    """The integers from 0 to n - 1 in random order."""
    order = random.generator().permutation(check_integer("randperm", "n", n, 0))
    return Tensor(order.astype(check_dtype("randperm", int64 if dtype is None else dtype)), requires_grad)


def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Numbers from N(mean, std^2), numbers or tensors that broadcast; size: of the result, for two numbers."""
    middle, spread = (as_tensor("normal", each).data for each in (mean, std))
    if (spread < 0).any():
        raise ValueError(f"normal: std is {spread.min()} but must be at least 0")
    if size is not None and (middle.ndim or spread.ndim):
        raise ValueError("normal: size goes with a mean and a std that are numbers")
    if size is None and not (isinstance(mean, Tensor | np.ndarray) or isinstance(std, Tensor | np.ndarray)):
        raise ValueError("normal: size is missing, and neither mean nor std is a tensor")
    try:
        shape = np.broadcast_shapes(middle.shape, spread.shape) if size is None else check_shape("normal", (size,))
    except ValueError as error:
        if size is not None:
            raise
        raise ValueError(f"normal: mean {middle.shape} and std {spread.shape} do not broadcast") from error
    kind = (
        dtype
        if dtype is not None
        else next((x.dtype for x in (middle, spread) if x.ndim and x.dtype.kind == "f"), None)
    )
    new = check_float_dtype("normal", kind)
    return Tensor(np.asarray(normal_numbers(shape, new) * spread + middle, new), requires_grad)


def bernoulli(input: Any) -> Tensor:
    """1 with the probability that each number of input is, else 0, in the dtype of input."""
    p = check_float("bernoulli", "input", input.data if isinstance(input, Tensor) else input)
    if np.count_nonzero((p >= 0) & (p <= 1)) != p.size:
        raise ValueError("bernoulli: input must hold probabilities, from 0 to 1")
    return Tensor(np.asarray(random.generator().random(p.shape) < p, p.dtype))


def multinomial(input: Any, num_samples: int, replacement: bool = False) -> Tensor:
    """The places of num_samples draws, by the weights in a vector (C) or in each row of (N, C): int64."""
    w = check_array("multinomial", "input", input.data if isinstance(input, Tensor) else input)
    count, again = (
        check_integer("multinomial", "num_samples", num_samples, 1),
        check_flag("multinomial", "replacement", replacement),
    )
    if w.ndim not in (1, 2) or not w.shape[-1]:
        raise ValueError(f"multinomial: input must be (C) or (N, C), but has shape {w.shape}")
    weights = w.reshape(-1, w.shape[-1]).astype(np.float64)
    total = weights.sum(1, keepdims=True)
    if not np.isfinite(total).all() or not weights.min(initial=0) >= 0 or not (total > 0).all():
        raise ValueError("multinomial: input must hold weights of at least 0, and in every row one above 0")
    if not again and count > (least := int((weights > 0).sum(1).min(initial=w.shape[-1]))):
        raise ValueError(f"multinomial: {count} draws without replacement need as many weights above 0, not {least}")
    if again:
        ends = np.empty_like(weights)
        cumsum_forward(weights[:, :, None], False, False, ends[:, :, None])
        draws = random.generator().random((len(weights), count)) * ends[:, -1:]
        found = np.array([np.searchsorted(line, row, "right") for line, row in zip(ends, draws, strict=True)], np.int64)
        found = found.reshape(len(weights), count)
        if (found == w.shape[-1]).any():  # a draw that was rounded up to the total
            found = np.minimum(found, w.shape[-1] - 1 - (weights[:, ::-1] > 0).argmax(1)[:, None])
    else:
        # The smallest of exponential times 1 / weight: Efraimidis, Spirakis, "Weighted random sampling", 2006.
        times = random.generator().standard_exponential(weights.shape)
        with np.errstate(divide="ignore"):
            found = first_of_order(times / weights, 1, count, False)[1]
    return Tensor(found.reshape((*w.shape[:-1], count)).astype(np.int64))
