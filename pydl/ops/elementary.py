"""Elementary functions of each element, most by numpy: no network spends its time in them.

    sin, cos, tan, asin, acos, atan, sinh, cosh, asinh, acosh, atanh, exp2 = 2^x, log1p = ln(1 + x), expm1 = e^x - 1,
    log2, log10, reciprocal = 1 / x, rsqrt = 1 / sqrt(x), erf = 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x
    sign, floor, ceil, trunc, round (halves to the even number), whose gradient is 0

Shapes    x (*), y (*): any shape; integers become float32 but for sign and rounding
Gradient  the textbook's
Source    Abramowitz, Stegun, "Handbook of mathematical functions" (1964), chapters 3, 4 and 7
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arguments import check_array, check_float, check_integer
from ..op import empty, op
from .abs import abs_backward
from .div import div_forward
from .gelu import gelu_forward
from .sqrt import sqrt_forward


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
        whole = x.dtype.kind == "b" or (x.dtype.kind != "f" and form is not _signs)
        y = x.copy() if whole else np.asarray(form(x), x.dtype)
        return y, lambda dy, needs: np.zeros(x.shape, x.dtype), ()

    return _named(function, name, text)


def _signs(x: Any) -> Any:
    if x.dtype.kind != "f":
        return np.subtract(x > 0, x < 0, dtype=x.dtype)
    y = empty(x.shape, x.dtype)
    abs_backward(np.broadcast_to(np.ones((), x.dtype), x.shape), x, y)  # 1 times the slope of |x|
    return y


def _reciprocal(x: Any) -> Any:
    y = empty(x.shape, x.dtype)
    div_forward(np.ones((), x.dtype), x, y)
    return y


def _reciprocal_root(x: Any) -> Any:
    y = empty(x.shape, x.dtype)
    sqrt_forward(x, y)
    div_forward(np.ones((), x.dtype), y, y)
    return y


def _error_function(x: Any) -> Any:
    """2 gelu(sqrt(2) x) / (sqrt(2) x) - 1, and near 0, where that loses digits, the first terms of the series."""
    y = empty(x.shape, np.dtype(np.float64))
    lines, results = x.reshape(-1), y.reshape(-1)
    for start in range(0, x.size, 2**14):  # as many as the caches hold
        z = np.clip(lines[start : start + 2**14], -9, 9).astype(np.float64) * math.sqrt(2)
        part = results[start : start + 2**14]
        gelu_forward(z, False, part)
        near = np.flatnonzero(np.abs(z) < (0.001 if x.dtype == np.float32 else 0.7))
        s = z[near]
        z[near] = 1
        part /= z
        part *= 2
        part -= 1
        square, term = s * s * -0.5, s * math.sqrt(2 / math.pi)
        total = term.copy()
        for n in range(1, 20 if near.size else 0):
            term *= square / n
            total += term / (2 * n + 1)
        part[near] = np.copysign(total, s)  # of -0 it is -0
    return y


def _named(function: Any, name: str, text: str) -> Any:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{text}, element by element. See the top of pydl/ops/elementary.py."
    return op("input")(function)


sin = _smooth("sin", np.sin, lambda x, y: np.cos(x), "The sine")
cos = _smooth("cos", np.cos, lambda x, y: -np.sin(x), "The cosine")
tan = _smooth("tan", np.tan, lambda x, y: 1 + y * y, "The tangent")
asin = _smooth("asin", np.arcsin, lambda x, y: 1 / np.sqrt(1 - x * x), "The angle of that sine")
acos = _smooth("acos", np.arccos, lambda x, y: -1 / np.sqrt(1 - x * x), "The angle of that cosine")
atan = _smooth("atan", np.arctan, lambda x, y: 1 / (1 + x * x), "The angle of that tangent")
sinh = _smooth("sinh", np.sinh, lambda x, y: np.cosh(x), "The hyperbolic sine")
cosh = _smooth("cosh", np.cosh, lambda x, y: np.sinh(x), "The hyperbolic cosine")
asinh = _smooth("asinh", np.arcsinh, lambda x, y: 1 / np.sqrt(x * x + 1), "The inverse of sinh")
acosh = _smooth("acosh", np.arccosh, lambda x, y: 1 / np.sqrt(x * x - 1), "The inverse of cosh")
atanh = _smooth("atanh", np.arctanh, lambda x, y: 1 / (1 - x * x), "The inverse of tanh")
exp2 = _smooth("exp2", np.exp2, lambda x, y: y * math.log(2), "2 to the power of x")
erf = _smooth("erf", _error_function, lambda x, y: np.exp(-x * x) * (2 / math.sqrt(math.pi)), "The error function")
log1p = _smooth("log1p", np.log1p, lambda x, y: 1 / (1 + x), "ln(1 + x), exact for small x")
expm1 = _smooth("expm1", np.expm1, lambda x, y: y + 1, "e^x - 1, exact for small x")
log2 = _smooth("log2", np.log2, lambda x, y: 1 / (x * math.log(2)), "The logarithm to the base 2")
log10 = _smooth("log10", np.log10, lambda x, y: 1 / (x * math.log(10)), "The logarithm to the base 10")
reciprocal = _smooth("reciprocal", _reciprocal, lambda x, y: -y * y, "1 / x")
rsqrt = _smooth("rsqrt", _reciprocal_root, lambda x, y: -y * y * y / 2, "1 / sqrt(x)")
sign = _stepped("sign", _signs, "-1, 0 or 1, of NaN 0")
floor = _stepped("floor", np.floor, "The largest integer that is not above x")
ceil = _stepped("ceil", np.ceil, "The smallest integer that is not below x")
trunc = _stepped("trunc", np.trunc, "x without its digits behind the point")


def _rounded(input: Any, *, decimals: int = 0) -> Any:
    x, digits = check_array("round", "input", input), check_integer("round", "decimals", decimals, -300)
    if x.dtype.kind != "f":
        if digits:
            raise TypeError(f"round: decimals is {digits}, which needs an input of float32 or float64, not {x.dtype}")
        return x.copy()
    scale = 10.0 ** min(abs(digits), 300)
    y = np.rint(x) if not digits else np.rint(x * scale) / scale if digits > 0 else np.rint(x / scale) * scale
    return np.asarray(y, x.dtype), lambda dy, needs: np.zeros(x.shape, x.dtype), ()


round = _named(_rounded, "round", "The nearest number of so many decimals, of two the even one")
