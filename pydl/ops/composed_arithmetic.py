"""Arithmetic that is other operations one after another, element by element, and has the gradients of those.

xlogy         a ln(b), 0 where a is 0
deg2rad, rad2deg   between degrees and radians
isposinf      x = inf                              isneginf   x = -inf
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import check_float
from ..tensor import Tensor, as_tensor
from .eq import eq
from .log import log
from .mul import mul
from .sum import sum
from .where import where


def _floats(name: str, input: Any) -> Tensor:
    """input as a tensor; integers as float32."""
    array = check_float(name, "input", input.data if isinstance(input, Tensor) else input, integers=True)
    return input if isinstance(input, Tensor) and array is input.data else Tensor(array)


def _beside(number: Any, partner: Any) -> Any:
    """A Python number in the precision of the floats beside it."""
    dtype = partner.dtype if isinstance(partner, Tensor | np.ndarray) else None
    is_number = isinstance(number, int | float) and dtype is not None and dtype.kind == "f"
    return np.asarray(number, dtype) if is_number else number


def xlogy(input: Any, other: Any) -> Tensor:
    """input * ln(other), 0 where input is 0 and other no NaN."""
    b = _floats("xlogy", _beside(other, input))
    a = as_tensor("xlogy", _beside(input, b))
    product = mul(a, log(b))
    if not math.isnan(sum(product).data):  # as 0 times the logarithm of what has none would make it
        return product
    nothing = eq(a, 0).data & ((b.data <= 0) | (b.data == math.inf))  # elsewhere the product is 0 by itself
    return where(nothing, mul(a, 0.0), mul(a, log(where(nothing, 1.0, b)))) if nothing.any() else product


def deg2rad(input: Any) -> Tensor:
    """Degrees as radians."""
    return mul(_floats("deg2rad", input), math.pi / 180)


def rad2deg(input: Any) -> Tensor:
    """Radians as degrees."""
    return mul(_floats("rad2deg", input), 180 / math.pi)


def isposinf(input: Any) -> Tensor:
    """Whether input is +inf, element by element."""
    return eq(input, math.inf)


def isneginf(input: Any) -> Tensor:
    """Whether input is -inf, element by element."""
    return eq(input, -math.inf)
