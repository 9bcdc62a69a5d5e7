"""What integers and places say about numbers; none has a gradient, so these are functions of arrays, by numpy.

unique              the different numbers, in order              unique_consecutive   without repetitions in a row
bincount            how often each integer from 0 on occurs, or the sum of its weights
histc               how many numbers lie in each of equal bins   histogram            and the bins' edges, with weights
nonzero, argwhere   the places of what is not 0, a row for each
searchsorted        where numbers belong in sorted lines         bucketize            the same, arguments exchanged
isin                whether each number is one of others
tril_indices, triu_indices    the places of a triangle: (2, K), rows and columns
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..arguments import Array, check_array, check_dim, check_flag, check_integer, check_number
from ..tensor import Tensor, as_tensor
from .broadcasting import promote
from .clone import NUMBERS

FEW = 1024  # numbers, whose places numpy finds quickly


class HistogramEdges(NamedTuple):
    """How many numbers lie in each bin, and where the bins begin and end."""

    hist: Tensor
    bin_edges: Tensor


def _array(name: str, value: Any, key: str = "input") -> Array:
    return check_array(name, key, value.data if isinstance(value, Tensor) else value)


def _several(parts: list[Any], wanted: list[bool]) -> Any:
    """The parts that are wanted: one as it is, several as a tuple."""
    made = [Tensor(np.asarray(each)) for each, want in zip(parts, wanted, strict=True) if want]
    return made[0] if len(made) == 1 else tuple(made)


def unique(
    input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The different numbers in order; or parts along dim. With the place of each element among them, and how often."""
    x = _array("unique", input)
    check_flag("unique", "sorted", sorted)
    wanted = [
        True,
        check_flag("unique", "return_inverse", return_inverse),
        check_flag("unique", "return_counts", return_counts),
    ]
    d = None if dim is None else check_dim("unique", dim, x.ndim)
    if d is not None and x.ndim == 0:
        raise ValueError("unique: input has no dimensions; leave dim out")
    if d is None and x.size and x.dtype.kind in "iub":
        low, high = int(x.min()), int(x.max())
        if high - low <= 2 * x.size:
            return _several(_counted(x, low, wanted[1]), wanted)
    parts: Any = np.unique(x, return_inverse=wanted[1], return_counts=wanted[2], axis=d, equal_nan=False)  # type: ignore[call-overload]
    given = iter(parts if isinstance(parts, tuple) else (parts,))
    values, inverse, counts = (next(given) if want else None for want in wanted)
    return _several(
        [values, None if inverse is None else inverse.reshape(x.shape if d is None else -1), counts], wanted
    )


def _counted(x: Array, low: int, with_inverse: bool) -> list[Any]:
    """What unique() gives of integers from `low` on that lie close together: each is counted at its place."""
    places = x.reshape(-1).astype(np.int64)
    first = np.asarray(low, x.dtype).astype(np.int64)  # a large uint64 becomes negative, and comes back
    places -= first
    counts = np.bincount(places)
    found = np.flatnonzero(counts)
    inverse = (np.cumsum(counts > 0) - 1)[places].reshape(x.shape) if with_inverse else None
    return [(found + first).astype(x.dtype), inverse, counts[found]]


def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The numbers without repetitions in a row; or parts along dim. With the elements' places there, and counts."""
    x = _array("unique_consecutive", input)
    wanted = [
        True,
        check_flag("unique_consecutive", "return_inverse", return_inverse),
        check_flag("unique_consecutive", "return_counts", return_counts),
    ]
    if dim is not None and x.ndim == 0:
        raise ValueError("unique_consecutive: input has no dimensions; leave dim out")
    d = 0 if dim is None else check_dim("unique_consecutive", dim, x.ndim)
    lines = x.reshape(-1) if dim is None else np.moveaxis(x, d, 0)
    begins = np.ones(len(lines), np.bool_)
    if lines.ndim == 1:
        np.not_equal(lines[1:], lines[:-1], out=begins[1:])
    else:
        flat = lines.reshape(len(lines), -1) if lines.size else np.zeros((len(lines), 1))
        begins[1:] = (flat[1:] != flat[:-1]).any(1)
    counts = np.diff(np.append(np.flatnonzero(begins), len(lines))) if wanted[2] else None
    inverse = np.cumsum(begins) - 1 if wanted[1] else None
    values = np.moveaxis(lines[begins], 0, d) if dim is not None else lines[begins]
    return _several(
        [values, inverse.reshape(x.shape) if inverse is not None and dim is None else inverse, counts], wanted
    )


def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Tensor:
    """How often each integer from 0 to the largest of input occurs, or the sums of its weights."""
    x, least = _array("bincount", input), check_integer("bincount", "minlength", minlength, 0)
    counted = x.astype(np.int64, copy=False) if x.ndim == 1 and x.dtype.kind in "iu" else None
    # A negative number is a large one there.
    largest = int(np.maximum.reduce(counted.view(np.uint64), initial=0)) if counted is not None else 0
    if counted is None or largest >= 2**63:
        raise ValueError(f"bincount: input must be a vector of integers of at least 0, but is {x.dtype} {x.shape}")
    check_integer("bincount", "the largest of input", largest, 0)
    if weights is None:
        return Tensor(np.bincount(counted, minlength=least).astype(np.int64, copy=False))
    w = _array("bincount", weights, "weights")
    if w.shape != x.shape:
        raise ValueError(f"bincount: weights has shape {w.shape} but input has {x.shape}")
    return Tensor(np.bincount(counted, w, least).astype(w.dtype if w.dtype == np.float32 else np.float64))


def _bins(name: str, x: Array, bins: Any, low: Any, high: Any) -> tuple[int, float, float]:
    count = check_integer(name, "bins", bins, 1)
    if x.dtype.kind != "f":
        raise TypeError(f"{name}: input has dtype {x.dtype} but must be float32 or float64")
    if low == high and x.size:
        low, high = float(x.min()), float(x.max())
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise ValueError(f"{name}: the range from {low} to {high} must be finite, and not end before it begins")
    return count, *((low, high) if low < high else (low - 1.0, high + 1.0))


def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many numbers lie in each of `bins` equal bins from min to max, by default from the least to the largest."""
    x = _array("histc", input)
    low, high = check_number("histc", "min", min), check_number("histc", "max", max)
    count, low, high = _bins("histc", x, bins, low, high)
    return Tensor(np.histogram(x, count, (low, high))[0].astype(x.dtype))


def histogram(input: Any, bins: Any, *, range: Any = None, weight: Any = None, density: bool = False) -> HistogramEdges:
    """(hist, bin_edges): `bins` equal bins, or their edges; weight: of each number; density: of integral 1."""
    x = _array("histogram", input)
    w = None if weight is None else _array("histogram", weight, "weight")
    if w is not None and w.shape != x.shape:
        raise ValueError(f"histogram: weight has shape {w.shape} but input has {x.shape}")
    if isinstance(bins, Tensor | np.ndarray | list | tuple):
        edges = _array("histogram", bins, "bins")
        if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all() or x.dtype.kind != "f":
            raise ValueError("histogram: bins must be a vector of two or more edges that grow, and input of float")
    else:
        if range is not None and (not isinstance(range, tuple | list) or len(range) != 2):
            raise ValueError("histogram: range must be (lowest, highest)")
        ends = (0.0, 0.0) if range is None else [check_number("histogram", "range", each) for each in range]
        count, low, high = _bins("histogram", x, bins, *ends)
        edges = np.linspace(low, high, count + 1)
    if w is not None and w.dtype.kind == "b":
        w = w.astype(np.int64)
    hist, _ = np.histogram(x, edges, weights=w, density=check_flag("histogram", "density", density))
    return HistogramEdges(Tensor(np.asarray(hist, x.dtype)), Tensor(np.asarray(edges, x.dtype)))


def _places(x: Array) -> Array:
    """The places of what is not 0: (D, K)."""
    if 0 < x.size <= FEW and x.ndim:
        return np.array(x.nonzero(), np.int64)
    rest = np.flatnonzero(x if x.dtype.kind == "b" else x != 0)
    found = np.empty((x.ndim, rest.size), np.int64)
    for d in range(x.ndim - 1, 0, -1):  # which of many is quicker than numpy's nonzero() of more than one dimension
        before = rest // x.shape[d] if rest.size else rest
        np.subtract(rest, before * x.shape[d], out=found[d])
        rest = before
    if x.ndim:
        found[0] = rest
    return found


def argwhere(input: Any) -> Tensor:
    """The places of what is not 0: (K, D)."""
    return Tensor(_places(_array("argwhere", input)).T)


def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """The places of what is not 0: (K, D), or with as_tuple one vector for each dimension, which index input."""
    x = _array("nonzero", input)
    if not check_flag("nonzero", "as_tuple", as_tuple):
        return argwhere(input)
    return tuple(Tensor(each) for each in _places(np.atleast_1d(x)))


def searchsorted(sorted_sequence: Any, input: Any, *, right: bool = False) -> Tensor:
    """Where each number of input belongs in a sorted vector, or in that of its own line: (*, N) and (*, M) give (*, M).

    Before equal ones, or with right=True behind them.
    """
    a, x = _array("searchsorted", sorted_sequence, "sorted_sequence"), _array("searchsorted", input)
    if a.dtype is not x.dtype or a.dtype not in NUMBERS:
        a, x = promote("searchsorted", {"sorted_sequence": a, "input": x})
    side: Any = "right" if check_flag("searchsorted", "right", right) else "left"
    if a.ndim == 0 or (a.ndim > 1 and a.shape[:-1] != x.shape[:-1]):
        raise ValueError(
            f"searchsorted: sorted_sequence has shape {a.shape} but must be a vector, or fit input {x.shape} "
            f"in all but the last dimension"
        )
    if a.ndim == 1:
        return Tensor(np.asarray(a.searchsorted(x, side), np.int64))
    lines = zip(a.reshape(-1, a.shape[-1]), x.reshape(-1, x.shape[-1]), strict=True) if a.size and x.size else []
    found = [np.searchsorted(line, numbers, side) for line, numbers in lines]
    return Tensor(np.array(found, np.int64).reshape(x.shape) if found else np.zeros(x.shape, np.int64))


def bucketize(input: Any, boundaries: Any, *, right: bool = False) -> Tensor:
    """The bin of each number between sorted boundaries, which belong to the bin before them, or with right behind."""
    edges = _array("bucketize", boundaries, "boundaries")
    if edges.ndim != 1:
        raise ValueError(f"bucketize: boundaries must be a vector, but has shape {edges.shape}")
    return searchsorted(edges, input, right=check_flag("bucketize", "right", right))


def isin(elements: Any, test_elements: Any, *, invert: bool = False) -> Tensor:
    """Whether each element is one of test_elements; invert: whether it is none."""
    a, b = _array("isin", elements, "elements"), _array("isin", test_elements, "test_elements")
    return Tensor(np.asarray(np.isin(a, b, invert=check_flag("isin", "invert", invert))))


def _triangle(name: str, form: Any, row: Any, col: Any, offset: Any) -> Tensor:
    rows, columns = check_integer(name, "row", row, 0), check_integer(name, "col", col, 0)
    if rows * columns > 2**31:
        raise ValueError(f"{name}: {rows} rows of {columns} are too many")
    return Tensor(np.array(form(rows, check_integer(name, "offset", offset, -(2**31)), columns), np.int64))


def tril_indices(row: int, col: int, offset: int = 0) -> Tensor:
    """The rows and columns of the lower triangle of a matrix: (2, K)."""
    return _triangle("tril_indices", np.tril_indices, row, col, offset)


def triu_indices(row: int, col: int, offset: int = 0) -> Tensor:
    """The rows and columns of the upper triangle of a matrix: (2, K)."""
    return _triangle("triu_indices", np.triu_indices, row, col, offset)


def is_nonzero(input: Any) -> bool:
    """Whether the one number is not 0."""
    x = as_tensor("is_nonzero", input)
    if x.numel() != 1:
        raise ValueError(f"is_nonzero: only a tensor of one element is true or false, this one has shape {x.shape}")
    return bool(x.item())
