"""Elementary functions of each element, by numpy: no network spends its time in them.

    sin, cos, tan, log1p = ln(1 + x), expm1 = e^x - 1, log2, log10, reciprocal = 1 / x, rsqrt = 1 / sqrt(x)
    sign, floor, ceil, trunc, round (halves to the even number), whose gradient is 0

Shapes    x (*), y (*): any shape; integers become float32 but for sign and rounding
Gradient  the textbook's
Source    Abramowitz, Stegun, "Handbook of mathematical functions" (1964), chapters 3 and 4
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arguments import check_array, check_float
from ..op import op


def _smooth(name: str, form: Any, derivative: Callable[[Any, Any], Any], text: str) -> Any:
    """The operation y = form(x) with dx = dy derivative(x, y)."""

    def function(input: Any) -> Any:
        x = check_float(name, "input", input, integers=True)
        with np.errstate(all="ignore"):
            y = np.asarray(form(x), x.dtype)

        def gradient(dy, needs):
            with np.errstate(all="ignore"):
                return np.asarray(dy * derivative(x, y), x.dtype)

        return y, gradient, ("input",)

    return _named(function, name, text)


def _stepped(name: str, form: Any, text: str) -> Any:
    """An operation that is constant but for steps."""

    def function(input: Any) -> Any:
        x = check_array(name, "input", input)
        whole = x.dtype.kind == "b" or (x.dtype.kind != "f" and form is not np.sign)
        y = x.copy() if whole else np.asarray(form(x), x.dtype)
        return y, lambda dy, needs: np.zeros(x.shape, x.dtype), ()

    return _named(function, name, text)


def _named(function: Any, name: str, text: str) -> Any:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{text}, element by element. See the top of pydl/ops/elementary.py."
    return op("input")(function)


sin = _smooth("sin", np.sin, lambda x, y: np.cos(x), "The sine")
cos = _smooth("cos", np.cos, lambda x, y: -np.sin(x), "The cosine")
tan = _smooth("tan", np.tan, lambda x, y: 1 + y * y, "The tangent")
log1p = _smooth("log1p", np.log1p, lambda x, y: 1 / (1 + x), "ln(1 + x), exact for small x")
expm1 = _smooth("expm1", np.expm1, lambda x, y: y + 1, "e^x - 1, exact for small x")
log2 = _smooth("log2", np.log2, lambda x, y: 1 / (x * math.log(2)), "The logarithm to the base 2")
log10 = _smooth("log10", np.log10, lambda x, y: 1 / (x * math.log(10)), "The logarithm to the base 10")
reciprocal = _smooth("reciprocal", lambda x: 1 / x, lambda x, y: -y * y, "1 / x")
rsqrt = _smooth("rsqrt", lambda x: 1 / np.sqrt(x), lambda x, y: -y * y * y / 2, "1 / sqrt(x)")
sign = _stepped("sign", np.sign, "-1, 0 or 1")
floor = _stepped("floor", np.floor, "The largest integer that is not above x")
ceil = _stepped("ceil", np.ceil, "The smallest integer that is not below x")
trunc = _stepped("trunc", np.trunc, "x without its digits behind the point")
round = _stepped("round", np.rint, "The nearest integer, of two the even one")
