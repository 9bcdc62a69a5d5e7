"""Numbers by their place in the order of size, made of kthvalue, sort and gather, whose gradients they have.

median      the one in the middle, of an even number the lower       msort      sort along the first dimension
quantile    the one at q (N - 1) from below, between two by interpolation
nanmedian, nanquantile, nansum, nanmean: of the numbers that are not NaN; the others are NaN where one is

Source    Hyndman, Fan, "Sample quantiles in statistical packages", The American Statistician 50 (1996), number 7
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import Array, check_choice, check_dim, check_flag, check_float
from ..tensor import Tensor, as_tensor
from .div import div
from .gather import gather
from .isnan import isnan
from .kthvalue import KTH, MEDIAN, NANMEDIAN, chosen_of_lines, kthvalue_forward
from .lerp import lerp
from .logical_not import logical_not
from .max import ValuesIndices
from .mean import mean
from .reshape import reshape, squeeze, unsqueeze
from .sort import sort
from .sum import sum
from .transpose import movedim
from .where import where


def _median(name: str, input: Any, dim: Any, keepdim: Any, form: int) -> Any:
    x = as_tensor(name, input)
    if dim is None and x.data.size == 0:
        return Tensor(np.full((), np.nan if x.dtype.kind == "f" else np.iinfo(np.int64).min, x.dtype))
    result = chosen_of_lines(x, name, dim, keepdim, kthvalue_forward, 0, form)
    return result[0] if dim is None else ValuesIndices(*result)


def median(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle of all elements, or (values, indices) along dim."""
    return _median("median", input, dim, keepdim, MEDIAN)


def nanmedian(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle of all elements that are not NaN, or (values, indices) along dim."""
    return _median("nanmedian", input, dim, keepdim, NANMEDIAN)


def _shares_of_the_higher(places: Any, how: str) -> Any:
    """How much of the number behind a place, and not of that before it, the quantile there has."""
    share = places - np.floor(places)
    if how == "nearest":
        return np.rint(places) - np.floor(places)
    return share if how == "linear" else np.where(share == 0, 0.0, {"lower": 0.0, "higher": 1.0, "midpoint": 0.5}[how])


def _one_quantile(name: str, x: Tensor, q: float, dim: Any, keepdim: Any, how: str) -> Tensor:
    """quantile for one q, of numbers without NaN: two places in the order, of which the rest is not needed."""
    size = x.data.size if dim is None or x.ndim == 0 else x.shape[dim]
    place = q * (size - 1)
    share = float(_shares_of_the_higher(place, how))
    ends = [int(place)] if share == 0 else [math.ceil(place)] if share == 1 else [int(place), math.ceil(place)]
    below, *above = (chosen_of_lines(x, name, dim, keepdim, kthvalue_forward, each, KTH)[0] for each in ends)
    y = lerp(below, above[0], share) if above else below
    return reshape(y, (1,) * x.ndim) if keepdim and dim is None else y


def _quantile(name: str, input: Any, q: Any, dim: Any, keepdim: Any, interpolation: Any, without_nan: bool) -> Tensor:
    whole = as_tensor(name, input)
    check_float(name, "input", whole.data)
    x = reshape(whole, -1) if dim is None or whole.ndim == 0 else whole
    d, some = check_dim(name, 0 if dim is None else dim, x.ndim), whole.ndim > 0
    how = check_choice(name, "interpolation", interpolation, "linear", "lower", "higher", "midpoint", "nearest")
    given = as_tensor(name, q).data
    shares: Array = np.asarray(q if isinstance(q, int | float | list | tuple) else given, np.float64)
    if shares.ndim > 1 or not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError(f"{name}: q must be a number or a vector of them, from 0 to 1")
    if x.shape[d] == 0:
        raise ValueError(f"{name}: dimension {d} of input {x.shape} has no elements")
    if not shares.ndim and x.data.size and not np.isnan(x.data.max()):  # which is NaN where one is
        return _one_quantile(name, whole, float(shares), dim, keepdim, how)
    line = sort(movedim(x, d, -1), -1).values
    nans = np.isnan(line.data).sum(-1, keepdims=True)
    counted = line.shape[-1] - nans
    last = np.maximum(counted - 1, 0)
    # Where a NaN counts, all places are the last one, which holds it.
    places = (
        shares.reshape(-1) * last if without_nan else np.where(nans > 0, line.shape[-1] - 1, shares.reshape(-1) * last)
    )
    low, high = np.floor(places), np.ceil(places)
    share = _shares_of_the_higher(places, how)
    below, above = (gather(line, -1, each.astype(np.int64)) for each in (low, high))
    values = lerp(below, above, share.astype(line.dtype)) if (share > 0).any() else below
    y = movedim(values, -1, 0)  # (Q, *)
    if check_flag(name, "keepdim", keepdim):
        y = unsqueeze(y, d + 1) if dim is not None and some else reshape(y, (len(y), *(1,) * whole.ndim))
    return y if shares.ndim else squeeze(y, 0)


def quantile(
    input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """The numbers below which a share q of the elements lies; several q put a dimension in front."""
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False)


def nanquantile(
    input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """quantile of the elements that are not NaN."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)


def msort(input: Any) -> Tensor:
    """The elements in order along the first dimension."""
    return sort(as_tensor("msort", input), 0).values


def nansum(input: Any, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The sum of the elements that are not NaN."""
    x = as_tensor("nansum", input)
    whole = sum(x, dim, keepdim)
    if x.dtype.kind != "f" or not np.isnan(whole.data).any():  # a NaN would have got into its sum
        return whole
    return sum(where(isnan(x), np.zeros((), x.dtype), x), dim, keepdim)


def nanmean(input: Any, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The mean of the elements that are not NaN."""
    x = as_tensor("nanmean", input)
    check_float("nanmean", "input", x.data)
    whole = mean(x, dim, keepdim)
    if not np.isnan(whole.data).any():  # a NaN would have got into its mean
        return whole
    return div(nansum(x, dim, keepdim), sum(logical_not(isnan(x)), dim, keepdim).to(x.dtype))
