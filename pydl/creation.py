"""Tensors of given contents: one number, a range, random numbers.

    zeros(2, 3), zeros((2, 3))          both forms of a shape
    zeros_like(x)                       the shape and dtype of x

Random numbers come from the global generator: see random.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import random
from ._compiled import tensor_of
from .arguments import (
    MOST_ELEMENTS,
    check_array,
    check_dtype,
    check_fill,
    check_float_dtype,
    check_integer,
    check_number,
    check_range,
    check_shape,
)
from .op import empty as memory
from .ops.clone import fill
from .ops.randn import normal_numbers
from .tensor import Tensor, float32


def _made(array: Any, requires_grad: bool) -> Tensor:
    """A Tensor around an array that was made here, and needs no check."""
    tensor: Tensor = tensor_of(array)
    if requires_grad is not False:
        tensor.requires_grad = requires_grad
    return tensor


def _like(op: str, input: Any) -> Any:
    """The array whose shape and dtype the new one has."""
    return check_array(op, "input", input.data if isinstance(input, Tensor) else input)


def full(size: Any, fill_value: float, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of one number, repeated. Without dtype, a float gives float32, an integer int64, a bool bool."""
    if type(fill_value) is float and (dtype is None or dtype is float32) and abs(fill_value) < 1e38:
        return _repeated("full", (size,), fill_value, float32, requires_grad)
    value = fill_value.data if isinstance(fill_value, Tensor) else fill_value
    new = check_array("full", "fill_value", value).dtype if dtype is None else check_dtype("full", dtype)
    array = memory(check_shape("full", (size,)), new)
    fill(array, check_fill("full", "fill_value", value, new))
    return Tensor(array, requires_grad)


def _repeated(op: str, size: tuple[Any, ...], value: Any, dtype: Any, requires_grad: bool) -> Tensor:
    new = float32 if dtype is None or dtype is float32 else check_dtype(op, dtype)
    array = memory(check_shape(op, size), new)
    fill(array, value)
    return _made(array, requires_grad)


def zeros(*size: Any, dtype: Any = float32, requires_grad: bool = False) -> Tensor:
    """A tensor of zeros: zeros(2, 3) or zeros((2, 3))."""
    return _repeated("zeros", size, 0, dtype, requires_grad)


def ones(*size: Any, dtype: Any = float32, requires_grad: bool = False) -> Tensor:
    """A tensor of ones: ones(2, 3) or ones((2, 3))."""
    return _repeated("ones", size, 1, dtype, requires_grad)


def arange(*bounds: float, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """arange(end), arange(start, end) or arange(start, end, step): the numbers from start up to, not with, end."""
    numbers = [check_number("arange", "start, end or step", bound) for bound in bounds]
    if not 1 <= len(numbers) <= 3:
        raise TypeError(f"arange: give end, start and end, or start, end and step, not {len(numbers)} numbers")
    start, end, step = [(0.0, *numbers, 1.0), (*numbers, 1.0), numbers][len(numbers) - 1]
    if step == 0 or not abs((end - start) / step) < MOST_ELEMENTS:
        raise ValueError(f"arange: from {start:g} to {end:g} in steps of {step:g} is no finite range that memory holds")
    array = np.arange(*bounds, dtype=None if dtype is None else check_dtype("arange", dtype))
    return Tensor(array.astype(float32) if dtype is None and array.dtype.kind == "f" else array, requires_grad)


def linspace(start: float, end: float, steps: int, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """`steps` numbers at equal distances from start to end, both included."""
    first, last = check_number("linspace", "start", start), check_number("linspace", "end", end)
    count = check_integer("linspace", "steps", steps, 0)
    new = float32 if dtype is None else check_dtype("linspace", dtype)
    if count > 1 and abs(first) < 1e38 and abs(last) < 1e38:  # what np.linspace() does, in fewer steps
        numbers = np.arange(count, dtype=np.float64)
        numbers *= (last - first) / (count - 1)
        numbers += first
        numbers[-1] = last
        return _made(numbers if new == numbers.dtype else numbers.astype(new), requires_grad)
    with np.errstate(all="ignore"):
        return Tensor(np.linspace(first, last, count).astype(new), requires_grad)


def logspace(
    start: float, end: float, steps: int, base: float = 10.0, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """`steps` numbers at equal ratios from base^start to base^end, both included."""
    first, last = check_number("logspace", "start", start), check_number("logspace", "end", end)
    count, power = check_integer("logspace", "steps", steps, 0), check_range("logspace", "base", base, 0)
    new = float32 if dtype is None else check_dtype("logspace", dtype)
    with np.errstate(all="ignore"):
        return Tensor(np.power(power, np.linspace(first, last, count)).astype(new), requires_grad)


def eye(n: int, m: int | None = None, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """n rows, m columns (n): 1 on the diagonal, else 0."""
    rows = check_integer("eye", "n", n, 0)
    shape = check_shape("eye", (rows, rows if m is None else check_integer("eye", "m", m, 0)))
    y = memory(shape, float32 if dtype is None else check_dtype("eye", dtype))
    y.fill(0)
    y.reshape(-1)[: min(shape) * shape[1] : shape[1] + 1] = 1
    return _made(y, requires_grad)


def empty(*size: Any, dtype: Any = float32, requires_grad: bool = False) -> Tensor:
    """A tensor of memory as it comes, to be written: empty(2, 3) or empty((2, 3))."""
    new = float32 if dtype is None or dtype is float32 else check_dtype("empty", dtype)
    return _made(memory(check_shape("empty", size), new), requires_grad)


def empty_like(input: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Memory as it comes, in the shape and dtype of input."""
    x = _like("empty_like", input)
    return empty(x.shape, dtype=x.dtype if dtype is None else dtype, requires_grad=requires_grad)


def rand(*size: Any, dtype: Any = float32, requires_grad: bool = False) -> Tensor:
    """Uniform random numbers from [0, 1)."""
    array = random.generator().random(check_shape("rand", size), dtype=check_float_dtype("rand", dtype))
    return _made(np.asarray(array), requires_grad)


def randn(*size: Any, dtype: Any = float32, requires_grad: bool = False) -> Tensor:
    """Random numbers from the normal distribution N(0, 1)."""
    return _made(normal_numbers(check_shape("randn", size), check_float_dtype("randn", dtype)), requires_grad)


def full_like(input: Any, fill_value: float, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of one number in the shape of input, and in its dtype unless another is given."""
    x = _like("full_like", input)
    return full(x.shape, fill_value, x.dtype if dtype is None else dtype, requires_grad)


def zeros_like(input: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros in the shape and dtype of input."""
    x = _like("zeros_like", input)
    return _repeated("zeros_like", (x.shape,), 0, x.dtype if dtype is None else dtype, requires_grad)


def ones_like(input: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones in the shape and dtype of input."""
    x = _like("ones_like", input)
    return _repeated("ones_like", (x.shape,), 1, x.dtype if dtype is None else dtype, requires_grad)


def rand_like(input: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Uniform random numbers from [0, 1) in the shape and dtype of input."""
    x = _like("rand_like", input)
    return rand(x.shape, dtype=x.dtype if dtype is None else dtype, requires_grad=requires_grad)


def randn_like(input: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Random numbers from N(0, 1) in the shape and dtype of input."""
    x = _like("randn_like", input)
    return randn(x.shape, dtype=x.dtype if dtype is None else dtype, requires_grad=requires_grad)
