"""elementary: functions of each element that no network needs often.

    sin, cos, tan, asin, acos, atan, sinh, cosh, asinh, acosh, atanh, exp2 = 2^x, log1p = ln(1 + x), expm1 = e^x - 1,
    log2, log10, reciprocal = 1 / x, rsqrt = 1 / sqrt(x), erf = 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x
    frac = x - trunc(x), whose gradient is that of x
    sign, floor, ceil, trunc, round (halves to the even number), whose gradient is 0

Shapes    x (*), y (*): any shape; integers become float32 but for sign and rounding
Gradient  the textbook's
Source    Abramowitz, Stegun, "Handbook of mathematical functions" (1964), chapters 3, 4 and 7
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import check_array, check_float, check_integer
from ..op import empty_like, kernel, op
from .abs import abs_backward
from .blend import PRODUCT, blended
from .div import invert, one
from .mul import mul_forward
from .sqrt import sqrt_forward
from .square import square_forward

ERF, SIN, COS, TAN, LOG1P, EXPM1, EXP2, SINH, COSH, LOG2, LOG10 = range(11)  # as in csrc/elementary.cpp
ASIN, ACOS, ATAN, ATANH, ASINH, ACOSH = range(11, 17)
FRAC, FLOOR, CEIL, TRUNC, ROUND = range(17, 22)

# What each is, and its derivative at x, where it is y.
_FORMS: dict[int, Any] = {
    ERF: (math.erf, lambda x, y: np.exp(-x * x) * (2 / math.sqrt(math.pi))),
    SIN: (np.sin, lambda x, y: np.cos(x)),
    COS: (np.cos, lambda x, y: -np.sin(x)),
    TAN: (np.tan, lambda x, y: 1 + y * y),
    LOG1P: (np.log1p, lambda x, y: 1 / (1 + x)),
    EXPM1: (np.expm1, lambda x, y: y + 1),
    EXP2: (np.exp2, lambda x, y: y * math.log(2)),
    SINH: (np.sinh, lambda x, y: np.cosh(x)),
    COSH: (np.cosh, lambda x, y: np.sinh(x)),
    LOG2: (np.log2, lambda x, y: 1 / (x * math.log(2))),
    LOG10: (np.log10, lambda x, y: 1 / (x * math.log(10))),
    ASIN: (np.arcsin, lambda x, y: 1 / np.sqrt((1 - x) * (1 + x))),
    ACOS: (np.arccos, lambda x, y: -1 / np.sqrt((1 - x) * (1 + x))),
    ATAN: (np.arctan, lambda x, y: 1 / (1 + x * x)),
    ATANH: (np.arctanh, lambda x, y: 1 / ((1 - x) * (1 + x))),
    ASINH: (np.arcsinh, lambda x, y: 1 / np.sqrt(x * x + 1)),
    ACOSH: (np.arccosh, lambda x, y: 1 / np.sqrt((x - 1) * (x + 1))),
    FRAC: (lambda x: x - np.trunc(x), lambda x, y: 1),
    FLOOR: (np.floor, lambda x, y: 0),
    CEIL: (np.ceil, lambda x, y: 0),
    TRUNC: (np.trunc, lambda x, y: 0),
    ROUND: (np.rint, lambda x, y: 0),
}


@kernel(writes="y")
def elementary_forward(x, form, y):
    function, _ = _FORMS[form]
    for i in np.ndindex(x.shape):
        y[i] = function(x[i])


@kernel(writes="dx")
def elementary_backward(dy, x, y, form, dx):
    _, derivative = _FORMS[form]
    for i in np.ndindex(x.shape):
        dx[i] = dy[i] * derivative(x[i], y[i])


@elementary_forward.samples
def _(draw):
    x, form = draw.array(draw.shape()), draw.choice(*_FORMS)
    return {"x": x, "form": form, "y": draw.out(x.shape)}


@elementary_backward.samples
def _(draw):
    shape, form = draw.shape(), draw.choice(*_FORMS)
    return {
        "dy": draw.array(shape),
        "x": draw.array(shape),
        "y": draw.array(shape),
        "form": form,
        "dx": draw.out(shape),
    }


def _smooth(name: str, form: int, text: str) -> Any:
    """The operation y = f(x) with dx = dy f'(x)."""

    def function(input: Any) -> Any:
        x = check_float(name, "input", input, integers=True)
        y = empty_like(x)
        elementary_forward(x, form, y)

        def gradient(dy, needs):
            dx = empty_like(x)
            elementary_backward(dy, x, y, form, dx)
            return dx

        return y, gradient, ("input",)

    return _named(function, name, text)


def _numbers(name: str, input: Any) -> Any:
    """Of any dtype, but floats of those that kernels have."""
    x = check_array(name, "input", input)
    return check_float(name, "input", x) if x.dtype.kind == "f" else x


def _without_slope(x: Any) -> Any:
    return lambda dy, needs: np.zeros(x.shape, x.dtype)


def _to_whole(x: Any, form: int) -> Any:
    if x.dtype.kind != "f":
        return x.copy()
    y = empty_like(x)
    elementary_forward(x, form, y)
    return y


def _stepped(name: str, form: int, text: str) -> Any:
    """The operation to an integer in that form."""

    def function(input: Any) -> Any:
        x = _numbers(name, input)
        return _to_whole(x, form), _without_slope(x), ()

    return _named(function, name, text)


def _sign(input: Any) -> Any:
    x = _numbers("sign", input)
    if x.dtype.kind == "f":
        y = empty_like(x)
        abs_backward(one(x.dtype), x, y)  # 1 times the slope of |x|
    else:
        y = x.copy() if x.dtype.kind == "b" else np.sign(x, empty_like(x))
    return y, _without_slope(x), ()


def _inverse(input: Any) -> Any:
    x = check_float("reciprocal", "input", input, integers=True)
    y = empty_like(x)
    invert(x, y)

    def gradient(dy, needs):
        dx = empty_like(x)
        square_forward(y, dx)
        blended(PRODUCT, -1.0, np.zeros((), x.dtype), dx, dy, dx)
        return dx

    return y, gradient, ("input",)


def _inverse_root(input: Any) -> Any:
    x = check_float("rsqrt", "input", input, integers=True)
    y = empty_like(x)
    sqrt_forward(x, y)
    invert(y, y)

    def gradient(dy, needs):
        dx = empty_like(x)
        square_forward(y, dx)
        mul_forward(dx, y, dx)
        blended(PRODUCT, -0.5, np.zeros((), x.dtype), dx, dy, dx)
        return dx

    return y, gradient, ("input",)


def _named(function: Any, name: str, text: str) -> Any:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{text}, element by element. See the top of pydl/ops/elementary.py."
    return op("input")(function)


sin = _smooth("sin", SIN, "The sine")
cos = _smooth("cos", COS, "The cosine")
tan = _smooth("tan", TAN, "The tangent")
asin = _smooth("asin", ASIN, "The angle of that sine")
acos = _smooth("acos", ACOS, "The angle of that cosine")
atan = _smooth("atan", ATAN, "The angle of that tangent")
sinh = _smooth("sinh", SINH, "The hyperbolic sine")
cosh = _smooth("cosh", COSH, "The hyperbolic cosine")
asinh = _smooth("asinh", ASINH, "The inverse of sinh")
acosh = _smooth("acosh", ACOSH, "The inverse of cosh")
atanh = _smooth("atanh", ATANH, "The inverse of tanh")
exp2 = _smooth("exp2", EXP2, "2 to the power of x")
erf = _smooth("erf", ERF, "The error function")
log1p = _smooth("log1p", LOG1P, "ln(1 + x), exact for small x")
expm1 = _smooth("expm1", EXPM1, "e^x - 1, exact for small x")
log2 = _smooth("log2", LOG2, "The logarithm to the base 2")
log10 = _smooth("log10", LOG10, "The logarithm to the base 10")
reciprocal = _named(_inverse, "reciprocal", "1 / x")
rsqrt = _named(_inverse_root, "rsqrt", "1 / sqrt(x)")
sign = _named(_sign, "sign", "-1, 0 or 1, of NaN 0")
floor = _stepped("floor", FLOOR, "The largest integer that is not above x")
ceil = _stepped("ceil", CEIL, "The smallest integer that is not below x")
trunc = _stepped("trunc", TRUNC, "x without its digits behind the point")


def _rounded(input: Any, *, decimals: int = 0) -> Any:
    x = check_array("round", "input", input)
    digits = 0 if type(decimals) is int and decimals == 0 else check_integer("round", "decimals", decimals, -300)
    if digits and x.dtype.kind != "f":
        raise TypeError(f"round: decimals is {digits}, which needs an input of float32 or float64, not {x.dtype}")
    if digits:
        scale = 10.0 ** min(abs(digits), 300)
        y = np.rint(x * scale) / scale if digits > 0 else np.rint(x / scale) * scale
        y = np.asarray(y, x.dtype)
    else:
        y = _to_whole(x, ROUND)
    return y, _without_slope(x), ()


def _fraction(input: Any) -> Any:
    x = check_float("frac", "input", input, integers=True)
    y = empty_like(x)
    elementary_forward(x, FRAC, y)
    return y, lambda dy, needs: dy, ()


frac = _named(_fraction, "frac", "What is behind the point, with the sign of x")
round = _named(_rounded, "round", "The nearest number of so many decimals, of two the even one")
