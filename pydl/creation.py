"""Tensors of given contents: one number, a range, random numbers.

    zeros(2, 3), zeros((2, 3))          both forms of a shape
    zeros_like(x)                       the shape and dtype of x

Random numbers come from the global generator: see random.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import random
from .arguments import (
    MOST_ELEMENTS,
    check_array,
    check_dtype,
    check_fill,
    check_float_dtype,
    check_number,
    check_shape,
)
from .op import empty
from .tensor import Tensor, float32, tensor


def full(size: Any, fill_value: float, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of one number, repeated. Without dtype, a float gives float32, an integer int64, a bool bool."""
    value = fill_value.data if isinstance(fill_value, Tensor) else fill_value
    new = check_array("full", "fill_value", value).dtype if dtype is None else check_dtype("full", dtype)
    array = empty(check_shape("full", (size,)), new)
    array[...] = check_fill("full", "fill_value", value, new)
    return Tensor(array, requires_grad)


def zeros(*size: Any, dtype: Any = float32, requires_grad: bool = False) -> Tensor:
    """A tensor of zeros: zeros(2, 3) or zeros((2, 3))."""
    return full(check_shape("zeros", size), 0, float32 if dtype is None else dtype, requires_grad)


def ones(*size: Any, dtype: Any = float32, requires_grad: bool = False) -> Tensor:
    """A tensor of ones: ones(2, 3) or ones((2, 3))."""
    return full(check_shape("ones", size), 1, float32 if dtype is None else dtype, requires_grad)


def arange(*bounds: float, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """arange(end), arange(start, end) or arange(start, end, step): the numbers from start up to, not with, end."""
    numbers = [check_number("arange", "start, end or step", bound) for bound in bounds]
    if not 1 <= len(numbers) <= 3:
        raise TypeError(f"arange: give end, start and end, or start, end and step, not {len(numbers)} numbers")
    start, end, step = [(0.0, *numbers, 1.0), (*numbers, 1.0), numbers][len(numbers) - 1]
    if step == 0 or not abs((end - start) / step) < MOST_ELEMENTS:
        raise ValueError(f"arange: from {start:g} to {end:g} in steps of {step:g} is no finite range that memory holds")
    array = np.arange(*bounds, dtype=None if dtype is None else check_dtype("arange", dtype))
    return tensor(array.astype(float32) if dtype is None and array.dtype.kind == "f" else array, None, requires_grad)


def rand(*size: Any, dtype: Any = float32, requires_grad: bool = False) -> Tensor:
    """Uniform random numbers from [0, 1)."""
    array = random.generator().random(check_shape("rand", size), dtype=check_float_dtype("rand", dtype))
    return tensor(array, None, requires_grad)


def randn(*size: Any, dtype: Any = float32, requires_grad: bool = False) -> Tensor:
    """Random numbers from the normal distribution N(0, 1)."""
    array = random.generator().standard_normal(check_shape("randn", size), dtype=check_float_dtype("randn", dtype))
    return tensor(array, None, requires_grad)


def full_like(input: Any, fill_value: float, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of one number in the shape of input, and in its dtype unless another is given."""
    x = check_array("full_like", "input", input.data if isinstance(input, Tensor) else input)
    return full(x.shape, fill_value, x.dtype if dtype is None else dtype, requires_grad)


def zeros_like(input: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros in the shape and dtype of input."""
    return full_like(input, 0, dtype, requires_grad)


def ones_like(input: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones in the shape and dtype of input."""
    return full_like(input, 1, dtype, requires_grad)


def rand_like(input: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Uniform random numbers from [0, 1) in the shape and dtype of input."""
    x = check_array("rand_like", "input", input.data if isinstance(input, Tensor) else input)
    return rand(x.shape, dtype=x.dtype if dtype is None else dtype, requires_grad=requires_grad)


def randn_like(input: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Random numbers from N(0, 1) in the shape and dtype of input."""
    x = check_array("randn_like", "input", input.data if isinstance(input, Tensor) else input)
    return randn(x.shape, dtype=x.dtype if dtype is None else dtype, requires_grad=requires_grad)
