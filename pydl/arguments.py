"""Checks that ops make on their arguments before any kernel runs, so that every refusal reads alike."""

from __future__ import annotations

import math
import os
from typing import Any, NamedTuple

import numpy as np

from ._compiled import is_usual, is_usual_float, remembered, usual_floats

Array = np.ndarray[Any, np.dtype[Any]]
MOST_ELEMENTS = 2**48  # as for native kernels
_float32, _float64 = np.dtype(np.float32), np.dtype(np.float64)
_NUMBERS = int, float, np.integer, np.floating
_LARGEST = {dtype: float(np.finfo(dtype).max) for dtype in (_float32, _float64)}


def check_array(op: str, name: str, value: Any) -> Array:
    """`value` as a numpy array that kernels can read. Lists and numbers are converted, wrong kinds refused."""
    if is_usual(value):
        return value  # type: ignore[no-any-return]
    if not isinstance(value, np.ndarray):
        if value is None or isinstance(value, str | bytes | dict | set):
            raise TypeError(f"{op}: {name} must be a tensor or an array, not {type(value).__name__}")
        value = from_numbers(op, name, value)
    if value.dtype.kind not in "fiub":
        raise TypeError(f"{op}: {name} has dtype {value.dtype} but must hold numbers")
    if value.dtype.itemsize > 8:
        raise TypeError(f"{op}: {name} has dtype {value.dtype} but must hold numbers of at most 8 bytes")
    if not value.dtype.isnative:
        raise TypeError(
            f"{op}: {name} has foreign byte order (dtype {value.dtype.str}) but must be native; "
            f"convert it with .astype({value.dtype.newbyteorder('=').str!r})"
        )
    array: Array = value
    return array if array.flags.aligned else array.copy()


def from_numbers(op: str, name: str, value: Any) -> Array:
    """An array from Python numbers or nested lists: floats become float32, integers int64, as in PyTorch."""
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{op}: {name} is not a rectangular array of numbers") from None
    except RuntimeError:
        raise TypeError(f"{op}: {name} must be one tensor, not a list of tensors; use stack()") from None
    if array.dtype == np.float64 and not isinstance(value, np.generic):
        if type(value) is float and abs(value) < 1e38:  # which does not overflow
            return array.astype(np.float32)
        with np.errstate(over="ignore"):
            return array.astype(np.float32)
    return array


def check_float(op: str, name: str, value: Any, integers: bool = False) -> Array:
    """`value` as a float32 or float64 array; integers become float32 where they are allowed."""
    if is_usual_float(value):
        return value  # type: ignore[no-any-return]
    array = check_array(op, name, value)
    if integers and array.dtype.kind in "iub":
        return array.astype(np.float32)
    if array.dtype not in (_float32, _float64):
        raise TypeError(f"{op}: {name} has dtype {array.dtype} but must be float32 or float64")
    return array


def check_floats(op: str, optional: tuple[str, ...] = (), /, **arrays: Any) -> list[Any]:
    """The arguments as arrays of one floating dtype; those named in `optional` may be None.

    The first one sets the dtype; another floating dtype beside it is refused, since a silent conversion would hide
    a mistake and cost time.
    """
    usual = usual_floats(arrays, optional)
    if usual is not None:
        return usual
    checked: list[Any] = []
    first = ""
    for name, value in arrays.items():
        if value is None and name in optional:
            checked.append(None)
            continue
        array = check_float(op, name, value)
        if not first:
            first, dtype = name, array.dtype
        elif array.dtype != dtype:
            raise TypeError(f"{op}: {name} is {array.dtype} but {first} is {dtype}; convert one of them")
        checked.append(array)
    return checked


def check_rank(op: str, name: str, array: Array | tuple[int, ...], *ranks: int, layout: str) -> None:
    """Refuses an array, or a shape, whose number of dimensions is none of `ranks`; `layout` says what they mean."""
    shape = array if isinstance(array, tuple) else array.shape
    if len(shape) not in ranks:
        raise ValueError(f"{op}: {name} must be {layout}, but has shape {shape}")


def shapes_of(*arrays: Array | None) -> list[tuple[int, ...] | None]:
    """Their shapes; None for those that are None."""
    return [None if array is None else array.shape for array in arrays]


def check_integer(op: str, name: str, value: Any, low: int) -> int:
    """`value` as an int of at least `low`."""
    if type(value) is not int and (isinstance(value, bool) or not isinstance(value, np.integer | int)):
        raise TypeError(f"{op}: {name} must be an integer, not {show(value)}")
    if value < low:
        raise ValueError(f"{op}: {name} must be at least {low}, not {value}")
    if value > 2**31 - 1:
        raise ValueError(f"{op}: {name} is too large ({value})")
    return int(value)


def check_tuple(op: str, name: str, value: Any, low: int, count: int) -> tuple[int, ...]:
    """`value`, one integer for all dimensions or one for each of `count`, as ints of at least `low`."""
    if isinstance(value, tuple | list):
        if len(value) != count:
            needs = {1: "one integer", 2: "one integer or two", 3: "one integer or three"}[count]
            raise ValueError(f"{op}: {name} must be {needs}, not {show(value)}")
        return tuple(check_integer(op, name, each, low) for each in value)
    return (check_integer(op, name, value, low),) * count


def check_pair(op: str, name: str, value: Any, low: int) -> tuple[int, int]:
    """`value`, one integer or (height, width), as a pair of ints of at least `low`."""
    height, width = check_tuple(op, name, value, low, 2)
    return height, width


@remembered
def check_dim(op: str, dim: Any, rank: int, name: str = "dim") -> int:
    """A dimension's number counted from the front: -1 is the last one."""
    if type(dim) is int and -rank <= dim < rank:
        return dim if dim >= 0 else dim + rank
    if isinstance(dim, bool) or not isinstance(dim, int | np.integer):
        raise TypeError(f"{op}: {name} must be an integer, not {show(dim)}")
    if not -max(rank, 1) <= dim < max(rank, 1):
        raise IndexError(f"{op}: {name} is {dim}, but the input has {rank} dimensions")
    return int(dim) % max(rank, 1)


@remembered
def check_dims(op: str, dim: Any, rank: int) -> tuple[int, ...]:
    """The dimensions that `dim` (an integer, several, or None for all) names, counted from the front."""
    if dim is None:
        return tuple(range(rank))
    if not isinstance(dim, tuple | list):
        dim = (dim,)
    dims = tuple(check_dim(op, each, rank) for each in dim)
    if len(set(dims)) != len(dims):
        raise ValueError(f"{op}: dim {tuple(dim)} names a dimension twice (the input has {rank} dimensions)")
    return dims if rank > 0 else ()


class Reduced(NamedTuple):
    """What a reduction makes of a shape."""

    dims: tuple[int, ...]  # the reduced ones, counted from the front
    ones: tuple[int, ...]  # the shape with 1 in place of each of them
    shape: tuple[int, ...]  # the shape of the result
    members: int  # how many elements make one of the result


@remembered
def check_reduction(op: str, shape: tuple[int, ...], dim: Any, keepdim: Any) -> Reduced:
    """What reducing `dim` (an integer, several; None or () for all) makes of an array's shape."""
    dims = check_dims(op, None if isinstance(dim, tuple | list) and not dim else dim, len(shape))
    ones = tuple(1 if d in dims else size for d, size in enumerate(shape))
    kept = ones if check_flag(op, "keepdim", keepdim) else tuple(n for d, n in enumerate(shape) if d not in dims)
    return Reduced(dims, ones, kept, math.prod(shape[d] for d in dims))


def check_shape(op: str, shape: tuple[Any, ...], low: int = 0) -> tuple[int, ...]:
    """The sizes that reshape(x, 2, 3) or reshape(x, (2, 3)) names, each at least `low`."""
    if len(shape) == 1 and isinstance(shape[0], tuple | list):
        shape = tuple(shape[0])
    return _check_sizes(op, shape, low)


@remembered
def _check_sizes(op: str, shape: tuple[Any, ...], low: int) -> tuple[int, ...]:
    sizes = []
    for size in shape:
        if isinstance(size, bool) or not isinstance(size, int | np.integer):
            raise TypeError(f"{op}: a shape holds integers, not {show(size)}")
        if size < low:
            raise ValueError(f"{op}: sizes must be at least {low}, but the shape is {shape}")
        sizes.append(int(size))
    if math.prod(each for each in sizes if each > 0) >= MOST_ELEMENTS:
        raise ValueError(f"{op}: the shape {tuple(sizes)} has more elements than any memory holds")
    return tuple(sizes)


def check_dtype(op: str, dtype: Any) -> np.dtype[Any]:
    """The dtype that `dtype` names, which must be of numbers."""
    try:
        if dtype is None:  # which numpy takes for float64
            raise TypeError
        new: np.dtype[Any] = np.dtype(dtype)
    except (TypeError, ValueError):
        raise TypeError(f"{op}: {show(dtype)} is no dtype; use a numpy one such as np.float32 or 'int64'") from None
    if new.kind not in "fiub" or not new.isnative:
        raise TypeError(f"{op}: dtype is {new} but must be of numbers in native byte order")
    return new


def is_device(op: str, value: Any) -> bool:
    """Whether `value` names a device, as programs for other libraries do, and not a dtype; there is only "cpu"."""
    if not isinstance(value, str) or value.partition(":")[0] not in ("cpu", "cuda", "mps", "xpu", "gpu"):
        return False
    if value.partition(":")[0] != "cpu":
        raise ValueError(f"{op}: there is no device {value!r}; pydl computes on the CPU")
    return True


def check_float_dtype(op: str, dtype: Any) -> np.dtype[Any]:
    """The dtype of weights or random numbers: float32, which None stands for, or float64."""
    new = _float32 if dtype is None or dtype is _float32 else check_dtype(op, dtype)
    if new not in (_float32, _float64):
        raise TypeError(f"{op}: dtype is {new} but must be float32 or float64")
    return new


@remembered
def check_new_dim(op: str, dim: Any, shape: tuple[int, ...]) -> int:
    """Where a new dimension goes, counted from the front: -1 is behind the last one."""
    if isinstance(dim, bool) or not isinstance(dim, int | np.integer):
        raise TypeError(f"{op}: dim must be an integer, not {show(dim)}")
    places = len(shape) + 1
    if not -places <= dim < places:
        raise IndexError(f"{op}: dim is {dim}, but must be from {-places} to {places - 1} (input {shape})")
    return int(dim) % places


def check_flag(op: str, name: str, value: Any) -> bool:
    """`value` as a bool; 0 and 1 will do."""
    if type(value) is bool:
        return value
    if not isinstance(value, bool | int | np.bool_):
        raise TypeError(f"{op}: {name} must be True or False, not {show(value)}")
    return bool(value)


def check_number(op: str, name: str, value: Any) -> float:
    """`value` as a float."""
    kind = type(value)
    if kind is float:  # as most are: what follows takes as long as a small kernel
        return value  # type: ignore[no-any-return]
    if kind is not int and (kind is bool or not isinstance(value, _NUMBERS)):
        raise TypeError(f"{op}: {name} must be a number, not {show(value)}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{op}: {name} is larger than any float") from None


def check_fill(op: str, name: str, value: Any, dtype: np.dtype[Any]) -> Any:
    """`value`, one number, which must fit a dtype; Python numbers stay as they are, for they have more digits."""
    number = value if isinstance(value, (int, float)) else check_array(op, name, value)
    plain = number
    if isinstance(number, np.ndarray):
        if number.ndim:
            raise ValueError(f"{op}: {name} must be one number, but has shape {number.shape}")
        plain = number.item()
    if dtype.kind == "b":
        return number
    if dtype.kind == "f":
        limit = _LARGEST.get(dtype) or float(np.finfo(dtype).max)
        fits = -limit <= plain <= limit or not -math.inf < plain < math.inf
    else:
        fits = np.iinfo(dtype).min <= plain <= np.iinfo(dtype).max
    if not fits:
        raise ValueError(f"{op}: {name} is {show(plain)}, which does not fit the dtype {dtype}")
    return number


def check_range(op: str, name: str, value: Any, low: float, high: float = math.inf) -> float:
    """`value` as a float from low to high."""
    number = check_number(op, name, value)
    if not low <= number <= high:
        needs = f"at least {low}" if high == math.inf else f"from {low} to {high}"
        raise ValueError(f"{op}: {name} must be {needs}, not {value}")
    return number


def check_choice(op: str, name: str, value: Any, *options: str) -> str:
    """`value`, which must be one of the words `options`."""
    if not isinstance(value, str) or value not in options:
        *most, last = map(repr, options)
        raise ValueError(f"{op}: {name} must be {', '.join(most)}{' or ' * bool(most)}{last}, not {show(value)}")
    return value


def check_callable(op: str, name: str, value: Any, needs: str = "a function") -> Any:
    """`value`, which must be something that can be called."""
    if not callable(value):
        raise TypeError(f"{op}: {name} must be {needs}, not {type(value).__name__}")
    return value


def check_list(op: str, name: str, value: Any, needs: str) -> list[Any]:
    """What is in `value`, which must be something to walk over."""
    try:
        if isinstance(value, str | bytes):
            raise TypeError
        elements = iter(value)
    except TypeError:
        raise TypeError(f"{op}: {name} must be {needs}, not {show(value)}") from None
    return list(elements)


def check_path(op: str, name: str, value: Any) -> str:
    """`value`, text or a Path, as text."""
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{op}: {name} must be a path, as text or a pathlib.Path, not {type(value).__name__}")
    return os.fsdecode(value)


def show(value: Any) -> str:
    """repr(value), cut to what fits a sentence."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."
