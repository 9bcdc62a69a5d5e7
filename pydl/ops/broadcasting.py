"""How the arguments of an arithmetic operation come to have one shape and one dtype.

Shape    dimensions are compared from the last one backwards; a missing one or one of size 1 is repeated
Dtype    bool < integer < float, and the highest kind sets the dtype. Within a kind arrays with dimensions decide, then
         arrays without, then Python numbers, so that `x + 1.0` keeps the dtype of x; of arrays with equal say the
         widest dtype wins (float32 with float64 gives float64)

The gradient goes back the other way: summed over what was repeated, and in the dtype that the argument had.

Source   Harris et al., "Array programming with NumPy", Nature 585 (2020), for the shapes; the documentation of
         torch.result_type for the dtypes
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._compiled import has_form, is_usual_float, usual_operands
from ..arguments import Array, check_array
from ..op import empty, empty_like
from .clone import converted
from .sum_to import sum_to

ndarray = np.ndarray
float32, float64, int64 = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64)
Form = tuple[tuple[int, ...], np.dtype[Any]]  # the shape and dtype of an argument, and so of its gradient

_NUMBERS = bool, int, float, np.generic
_KINDS = {"b": 0, "i": 1, "u": 1, "f": 2}


def operands(
    op: str, a: Any, b: Any, names: tuple[str, str] = ("input", "other"), division: bool = False
) -> tuple[Array, Array, Array, Form, Form]:
    """a and b as arrays of one dtype, the array for the result, and what the gradients of a and b look like.

    division: integers are made float32. Errors: ValueError where the shapes do not fit, TypeError for other dtypes.
    """
    usual: Any = usual_operands(a, b)
    if usual is not None:
        return usual  # type: ignore[no-any-return]
    x, z = _whole_pair(a, b, division) or promote(op, {names[0]: a, names[1]: b}, division)
    return x, z, empty(broadcast_shape(op, x, z), x.dtype), form_of(a, x), form_of(b, z)


def _whole_pair(a: Any, b: Any, division: bool) -> tuple[Array, Array] | None:
    """What promote() makes of arrays of one integer dtype, of int64 and a number, of integers beside floats."""
    if type(a) is int and type(b) is ndarray:
        pair = _whole_pair(b, a, division)
        return pair and (pair[1], pair[0])
    if type(a) is not ndarray:
        return None
    if type(b) is int or type(b) is float:
        if not a.ndim or a.dtype is not int64 or not -(2**63) <= b < 2**63:
            return None
        if division or type(b) is float:
            return converted(a, float32), np.array(b, float32)
        return a, np.array(b, int64)
    if type(b) is not ndarray:
        return None
    if a.dtype is b.dtype:
        if a.dtype.kind not in "iub" or (division and a.ndim != b.ndim):
            return None
        return (converted(a, float32), converted(b, float32)) if division else (a, b)
    if a.ndim and b.ndim:
        if b.dtype.kind in "iub" and is_usual_float(a):
            return a, converted(b, a.dtype)
        if a.dtype.kind in "iub" and is_usual_float(b):
            return converted(a, b.dtype), b
    return None


def promote(op: str, arguments: dict[str, Any], division: bool = False) -> list[Array]:
    """The arguments as arrays of one dtype; see the top of this file."""
    numbers: list[np.dtype[Any]] = []
    scalars: list[np.dtype[Any]] = []
    arrays: list[np.dtype[Any]] = []
    checked = {}
    for name, value in arguments.items():
        if isinstance(value, _NUMBERS):
            array = check_array(op, name, np.array(value))
            numbers.append(float32 if array.dtype.kind == "f" else array.dtype)
        else:
            array = check_array(op, name, value)
            (arrays if array.ndim else scalars).append(array.dtype)
        checked[name] = array
    common: np.dtype[Any] = np.dtype(np.bool_)
    for group in (numbers, scalars, arrays):  # the say grows, so the last one of the highest kind decides
        if group:
            dtype = _common_dtype(op, group)
            common = dtype if _KINDS[dtype.kind] >= _KINDS[common.kind] else common
    if division and common.kind != "f":
        common = float32
    if common.kind == "f" and common != float32 and common != float64:
        raise TypeError(f"{op}: the arguments have dtype {common} but must be float32, float64, integers or bool")
    return [_convert(op, name, array, common) for name, array in checked.items()]


def _common_dtype(op: str, dtypes: list[np.dtype[Any]]) -> np.dtype[Any]:
    """The widest dtype of the highest kind."""
    highest = max(_KINDS[dtype.kind] for dtype in dtypes)
    common = np.result_type(*(dtype for dtype in dtypes if _KINDS[dtype.kind] == highest))
    if _KINDS[common.kind] != highest:
        raise TypeError(f"{op}: no integer dtype holds both {' and '.join(map(str, dtypes))}; convert one of them")
    return common


def _convert(op: str, name: str, array: Array, dtype: np.dtype[Any]) -> Array:
    if array.dtype == dtype:
        return array
    if dtype.kind in "iu" and array.ndim == 0 and not np.iinfo(dtype).min <= array.item() <= np.iinfo(dtype).max:
        raise ValueError(f"{op}: {name} is {array.item()}, which does not fit the other argument's dtype {dtype}")
    return converted(array, dtype)


def form_of(value: Any, array: Array) -> Form:
    """The form of the gradient of an argument that became `array`."""
    return array.shape, value.dtype if isinstance(value, ndarray) else array.dtype


def empty_for(dy: Array, operand: Array) -> Array:
    """An array for the gradient of the operand, before its copies are summed."""
    return empty_like(operand if operand.shape == dy.shape else dy)


def fit(dy: Any, form: Form) -> Any:
    """The gradient of the broadcast argument as that of the argument itself; None, of one not wanted, stays None."""
    if dy is None or has_form(dy, form):
        return dy
    shape, dtype = form
    if dy.shape != shape:
        dy = sum_to(dy, shape)
    return dy if dy.dtype == dtype else dy.astype(dtype)


def broadcast_shape(op: str, *arrays: Array) -> tuple[int, ...]:
    """The common shape."""
    shape: tuple[int, ...] = arrays[0].shape
    for array in arrays:
        if array.shape != shape and array.ndim:
            break
    else:
        return shape
    try:
        return np.broadcast(*arrays).shape
    except ValueError:
        *shapes, last = (str(array.shape) for array in arrays)
        raise ValueError(f"{op}: shapes {', '.join(shapes)} and {last} do not broadcast together") from None


def broadcasts_to(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether an array of this shape becomes one of that when its numbers are repeated."""
    ends = zip(reversed(shape), reversed(to), strict=False)
    return len(shape) <= len(to) and all(size in (1, wanted) for size, wanted in ends)
