"""Numbers by their place in the order of size, made of sort and gather, whose gradients they have.

median      the one in the middle, of an even number the lower       kthvalue   the k-th smallest, k from 1
quantile    the one at q (N - 1) from below, between two by interpolation
mode        the most frequent, of several the smallest               msort      sort along the first dimension
nanmedian, nanquantile, nansum, nanmean: of the numbers that are not NaN; the others are NaN where one is

Source    Hyndman, Fan, "Sample quantiles in statistical packages", The American Statistician 50 (1996), number 7
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Array, check_choice, check_dim, check_flag, check_float, check_integer
from ..tensor import Tensor, as_tensor
from .div import div
from .gather import gather
from .isnan import isnan
from .lerp import lerp
from .logical_not import logical_not
from .max import ValuesIndices
from .mean import mean
from .reshape import reshape, squeeze, unsqueeze
from .sort import sort
from .sum import sum
from .transpose import movedim
from .where import where


def _lines(name: str, input: Any, dim: Any) -> tuple[Tensor, int, bool]:
    """input, flattened where there is no dim, the dimension, and whether it has one."""
    x = as_tensor(name, input)
    lines = reshape(x, -1) if dim is None or x.ndim == 0 else x
    d = check_dim(name, 0 if dim is None else dim, lines.ndim)
    return lines, d, x.ndim > 0


def _some(name: str, x: Tensor, d: int) -> None:
    if x.shape[d] == 0:
        raise IndexError(f"{name}: dimension {d} of input {x.shape} has no elements to choose from")


def _pick(name: str, x: Tensor, d: int, place: Any, keepdim: Any, some: bool) -> ValuesIndices:
    """The elements, in order along d, at place[k] (with a dimension of 1); of equals the first if place is a number."""
    if np.ndim(place) == 0:
        value = np.partition(x.data, int(place), d)[(*(slice(None),) * d, slice(int(place), int(place) + 1))]
        if (value == value).all():
            index = (x.data == value).argmax(d, keepdims=True)
            return _one(gather(x, d, index), Tensor(index), d, check_flag(name, "keepdim", keepdim) and some)
    order = sort(x, d)
    shape = (*x.shape[:d], 1, *x.shape[d + 1 :])
    index = np.broadcast_to(np.asarray(place, np.int64), shape)
    both = gather(order.values, d, index), gather(order.indices, d, index)
    return _one(*both, d, check_flag(name, "keepdim", keepdim) and some)


def _one(values: Tensor, indices: Tensor, d: int, keep: bool) -> ValuesIndices:
    """Without the dimension of size 1, unless it is to be kept."""
    return ValuesIndices(*(each if keep else squeeze(each, d) for each in (values, indices)))


def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """(values, indices) of the k-th smallest along dim."""
    x, d, some = _lines("kthvalue", input, -1 if dim is None else dim)
    number = check_integer("kthvalue", "k", k, 1)
    if number > x.shape[d]:
        raise ValueError(f"kthvalue: k is {number}, but dimension {d} of {x.shape} has {x.shape[d]} elements")
    return _pick("kthvalue", x, d, number - 1, keepdim, some)


def _median(name: str, input: Any, dim: Any, keepdim: Any, without_nan: bool) -> Any:
    x, d, some = _lines(name, input, dim)
    if x.shape[d] == 0 and dim is None:
        return Tensor(np.full((), np.nan if x.dtype.kind == "f" else np.iinfo(np.int64).min, x.dtype))
    _some(name, x, d)
    missing = np.isnan(x.data) if x.dtype.kind == "f" else np.zeros((), np.bool_)
    nans = missing.sum(d, keepdims=True) if missing.any() else np.int64(0)
    counted = x.shape[d] - nans
    place = np.maximum(counted - 1, 0) // 2
    if not without_nan and np.ndim(nans):
        place = np.where(nans > 0, counted, place)  # the first NaN
    result = _pick(name, x, d, place, keepdim if dim is not None else False, some)
    return result.values if dim is None else result


def median(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle of all elements, or (values, indices) along dim."""
    return _median("median", input, dim, keepdim, False)


def nanmedian(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle of all elements that are not NaN, or (values, indices) along dim."""
    return _median("nanmedian", input, dim, keepdim, True)


def _quantile(name: str, input: Any, q: Any, dim: Any, keepdim: Any, interpolation: Any, without_nan: bool) -> Tensor:
    whole = as_tensor(name, input)
    check_float(name, "input", whole.data)
    x, d, some = _lines(name, whole, dim)
    how = check_choice(name, "interpolation", interpolation, "linear", "lower", "higher", "midpoint", "nearest")
    given = as_tensor(name, q).data
    shares: Array = np.asarray(q if isinstance(q, int | float | list | tuple) else given, np.float64)
    if shares.ndim > 1 or not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError(f"{name}: q must be a number or a vector of them, from 0 to 1")
    if x.shape[d] == 0:
        raise ValueError(f"{name}: dimension {d} of input {x.shape} has no elements")
    line = sort(movedim(x, d, -1), -1).values
    nans = np.isnan(line.data).sum(-1, keepdims=True)
    counted = line.shape[-1] - nans
    last = np.maximum(counted - 1, 0)
    # Where a NaN counts, all places are the last one, which holds it.
    places = (
        shares.reshape(-1) * last if without_nan else np.where(nans > 0, line.shape[-1] - 1, shares.reshape(-1) * last)
    )
    low, high = np.floor(places), np.ceil(places)
    share = places - low
    if how == "nearest":
        share = np.rint(places) - low
    elif how != "linear":
        share = np.where(share == 0, 0.0, {"lower": 0.0, "higher": 1.0, "midpoint": 0.5}[how])
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


def mode(input: Any, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """(values, indices) of the most frequent element along dim, of several the smallest, and its last place."""
    x, d, some = _lines("mode", input, -1 if dim is None else dim)
    _some("mode", x, d)
    line = np.moveaxis(sort(x, d).values.data, d, 0)
    place = np.arange(len(line)).reshape(-1, *(1,) * (line.ndim - 1))
    first = np.where(line != np.roll(line, 1, 0), place, 0)  # of equals; of all the others 0
    run = place - np.maximum.accumulate(first, 0)  # how many equal ones before each
    return _pick("mode", x, d, np.moveaxis(run.argmax(0)[None], 0, d), keepdim, some)


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
