"""Arithmetic that is other operations one after another, element by element, and has the gradients of those.

xlogy         a ln(b), 0 where a is 0              logit      ln(x / (1 - x)), of x clamped to [eps, 1 - eps]
deg2rad, rad2deg   between degrees and radians
nan_to_num    NaN as `nan`, infinities as posinf and neginf, by default the dtype's largest numbers
isposinf      x = inf                              isneginf   x = -inf
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import check_array, check_fill, check_float, check_number, check_range
from ..tensor import Tensor, as_tensor
from .clamp import clamp
from .clone import clone
from .div import div
from .eq import eq
from .isnan import isnan
from .log import log
from .mul import mul
from .sub import sub
from .sum import sum
from .where import where


def _floats(name: str, input: Any) -> Tensor:
    """input as a tensor; integers as float32."""
    array = check_float(name, "input", input.data if isinstance(input, Tensor) else input, integers=True)
    return input if isinstance(input, Tensor) and array is input.data else Tensor(array)


def xlogy(input: Any, other: Any) -> Tensor:
    """input * ln(other), 0 where input is 0 and other no NaN."""
    a, b = as_tensor("xlogy", input), _floats("xlogy", other)
    nothing = eq(a, 0).data & ((b.data <= 0) | (b.data == math.inf))  # elsewhere the product is 0 by itself
    return where(nothing, mul(a, 0.0), mul(a, log(where(nothing, 1.0, b)))) if nothing.any() else mul(a, log(b))


def logit(input: Any, eps: float | None = None) -> Tensor:
    """The inverse of sigmoid."""
    x = _floats("logit", input)
    if eps is not None:
        least = check_range("logit", "eps", eps, 0.0, 0.5)
        x = clamp(x, least, 1.0 - least)
    outside = (x.data < 0) | (x.data > 1)  # where neither it nor its gradient is a number
    x = mul(x, np.where(outside, math.nan, 1.0).astype(x.dtype)) if outside.any() else x
    return log(div(x, sub(1.0, x)))


def deg2rad(input: Any) -> Tensor:
    """Degrees as radians."""
    return mul(_floats("deg2rad", input), math.pi / 180)


def rad2deg(input: Any) -> Tensor:
    """Radians as degrees."""
    return mul(_floats("rad2deg", input), 180 / math.pi)


def nan_to_num(input: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """Finite numbers in place of NaN and infinities. See the top of this file."""
    x = as_tensor("nan_to_num", input)
    if check_array("nan_to_num", "input", x.data).dtype.kind != "f":
        return x
    largest = float(np.finfo(x.dtype).max)
    given = {
        "nan": nan,
        "posinf": largest if posinf is None else posinf,
        "neginf": -largest if neginf is None else neginf,
    }
    if np.isfinite(sum(x.detach()).data):  # where one is not, neither is the sum
        return clone(x)
    places = isnan(x), isposinf(x), isneginf(x)
    for place, (name, value) in zip(places, given.items(), strict=True):
        number = np.asarray(check_fill("nan_to_num", name, check_number("nan_to_num", name, value), x.dtype), x.dtype)
        x = where(place, number, x)
    return x


def isposinf(input: Any) -> Tensor:
    """Whether input is +inf, element by element."""
    return eq(input, math.inf)


def isneginf(input: Any) -> Tensor:
    """Whether input is -inf, element by element."""
    return eq(input, -math.inf)
