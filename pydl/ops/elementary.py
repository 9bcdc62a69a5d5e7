"""elementary: functions of each element that no network needs often; those that are slow in numpy have a kernel.

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
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arguments import check_array, check_float, check_integer
from ..op import empty_like, isa, kernel, op
from .abs import abs_backward
from .add import add_forward
from .blend import PRODUCT, blended
from .div import div_forward, invert, one
from .mul import mul_forward
from .sqrt import sqrt_forward
from .square import square_forward

ERF, SIN, COS, LOG1P, EXPM1, FRAC, EXP2 = range(7)  # as in csrc/elementary.cpp

_FORMS: dict[int, Any] = {
    ERF: math.erf,
    SIN: np.sin,
    COS: np.cos,
    LOG1P: np.log1p,
    EXPM1: np.expm1,
    FRAC: lambda x: x - np.trunc(x),
    EXP2: np.exp2,
}


@kernel(writes="y")
def elementary_forward(x, form, y):
    for i in np.ndindex(x.shape):
        y[i] = _FORMS[form](x[i])


@elementary_forward.samples
def _(draw):
    x, form = draw.array(draw.shape()), draw.choice(*_FORMS)
    return {"x": x, "form": form, "y": draw.out(x.shape)}


def _smooth(name: str, form: Any, derivative: Callable[[Any, Any], Any] | None, text: str, slope: Any = None) -> Any:
    """The operation y = form(x) with dx = dy derivative(x, y); or slope(dy, x, y, dx) writes that without arrays for
    steps on the way.
    """

    def function(input: Any) -> Any:
        x = check_float(name, "input", input, integers=True)
        if isinstance(form, np.ufunc):
            y = empty_like(x)
            with np.errstate(all="ignore"):
                form(x, y)
        else:
            y = form(x)

        def gradient(dy, needs):
            dx = empty_like(x)  # of pydl's memory, which is at hand
            if derivative is None:
                slope(dy, x, y, dx)
                return dx
            with np.errstate(all="ignore"):
                return np.multiply(dy, derivative(x, y), dx)

        return y, gradient, ("input",)

    return _named(function, name, text)


def _stepped(name: str, form: Any, text: str) -> Any:
    """An operation that is constant but for steps."""

    def function(input: Any) -> Any:
        x = check_array(name, "input", input)
        whole = x.dtype.kind == "b" or (x.dtype.kind != "f" and form is not _signs)
        y = x.copy() if whole else form(x, empty_like(x))
        return y, lambda dy, needs: np.zeros(x.shape, x.dtype), ()

    return _named(function, name, text)


def _native(form: int) -> Any:
    """The kernel in that form."""

    def function(x: Any) -> Any:
        y = empty_like(x)
        elementary_forward(x, form, y)
        return y

    return function


def _signs(x: Any, y: Any) -> Any:
    if x.dtype.kind != "f":
        return np.sign(x, y)
    abs_backward(one(x.dtype), x, y)  # 1 times the slope of |x|
    return y


def _reciprocal(x: Any) -> Any:
    y = empty_like(x)
    invert(x, y)
    return y


def _reciprocal_root(x: Any) -> Any:
    y = empty_like(x)
    sqrt_forward(x, y)
    invert(y, y)
    return y


def _circular(form: int) -> Any:
    """The sine or cosine: numpy's is quick in float32."""
    native, numpy = _native(form), np.sin if form == SIN else np.cos

    def function(x: Any) -> Any:
        if x.dtype == np.float64:
            return native(x)
        y = empty_like(x)
        with np.errstate(all="ignore"):
            return numpy(x, out=y)

    return function


def _slope_of_log1p(dy: Any, x: Any, y: Any, dx: Any) -> None:
    add_forward(x, one(x.dtype), dx)
    div_forward(dy, dx, dx)


def _slope_of_inverse(dy: Any, x: Any, y: Any, dx: Any) -> None:
    square_forward(y, dx)
    blended(PRODUCT, -1.0, np.zeros((), x.dtype), dx, dy, dx)


def _slope_of_inverse_root(dy: Any, x: Any, y: Any, dx: Any) -> None:
    square_forward(y, dx)
    mul_forward(dx, y, dx)
    blended(PRODUCT, -0.5, np.zeros((), x.dtype), dx, dy, dx)


def _named(function: Any, name: str, text: str) -> Any:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{text}, element by element. See the top of pydl/ops/elementary.py."
    return op("input")(function)


_sine, _cosine = _circular(SIN), _circular(COS)
sin = _smooth("sin", _sine, lambda x, y: _cosine(x), "The sine")
cos = _smooth("cos", _cosine, lambda x, y: -_sine(x), "The cosine")
tan = _smooth("tan", np.tan, lambda x, y: 1 + y * y, "The tangent")
asin = _smooth("asin", np.arcsin, lambda x, y: 1 / np.sqrt(1 - x * x), "The angle of that sine")
acos = _smooth("acos", np.arccos, lambda x, y: -1 / np.sqrt(1 - x * x), "The angle of that cosine")
atan = _smooth("atan", np.arctan, lambda x, y: 1 / (1 + x * x), "The angle of that tangent")
sinh = _smooth("sinh", np.sinh, lambda x, y: np.cosh(x), "The hyperbolic sine")
cosh = _smooth("cosh", np.cosh, lambda x, y: np.sinh(x), "The hyperbolic cosine")
asinh = _smooth("asinh", np.arcsinh, lambda x, y: 1 / np.sqrt(x * x + 1), "The inverse of sinh")
acosh = _smooth("acosh", np.arccosh, lambda x, y: 1 / np.sqrt(x * x - 1), "The inverse of cosh")
atanh = _smooth("atanh", np.arctanh, lambda x, y: 1 / (1 - x * x), "The inverse of tanh")
exp2 = _smooth("exp2", _native(EXP2), lambda x, y: y * math.log(2), "2 to the power of x")
erf = _smooth("erf", _native(ERF), lambda x, y: np.exp(-x * x) * (2 / math.sqrt(math.pi)), "The error function")
log1p = _smooth("log1p", _native(LOG1P), None, "ln(1 + x), exact for small x", _slope_of_log1p)
_expm1 = np.expm1 if isa == "avx512" else _native(EXPM1)  # numpy has vectors for it with AVX-512 alone
expm1 = _smooth("expm1", _expm1, lambda x, y: y + 1, "e^x - 1, exact for small x")
log2 = _smooth("log2", np.log2, lambda x, y: 1 / (x * math.log(2)), "The logarithm to the base 2")
log10 = _smooth("log10", np.log10, lambda x, y: 1 / (x * math.log(10)), "The logarithm to the base 10")
reciprocal = _smooth("reciprocal", _reciprocal, None, "1 / x", _slope_of_inverse)
rsqrt = _smooth("rsqrt", _reciprocal_root, None, "1 / sqrt(x)", _slope_of_inverse_root)
sign = _stepped("sign", _signs, "-1, 0 or 1, of NaN 0")
floor = _stepped("floor", np.floor, "The largest integer that is not above x")
ceil = _stepped("ceil", np.ceil, "The smallest integer that is not below x")
trunc = _stepped("trunc", np.trunc, "x without its digits behind the point")


def _rounded(input: Any, *, decimals: int = 0) -> Any:
    x = check_array("round", "input", input)
    digits = 0 if type(decimals) is int and decimals == 0 else check_integer("round", "decimals", decimals, -300)
    if x.dtype.kind != "f":
        if digits:
            raise TypeError(f"round: decimals is {digits}, which needs an input of float32 or float64, not {x.dtype}")
        return x.copy()
    if not digits:
        y = np.rint(x, empty_like(x))
    else:
        scale = 10.0 ** min(abs(digits), 300)
        y = np.rint(x * scale) / scale if digits > 0 else np.rint(x / scale) * scale
    return np.asarray(y, x.dtype), lambda dy, needs: np.zeros(x.shape, x.dtype), ()


def _fraction(input: Any) -> Any:
    x = check_float("frac", "input", input, integers=True)
    return _native(FRAC)(x), lambda dy, needs: dy, ()


frac = _named(_fraction, "frac", "What is behind the point, with the sign of x")
round = _named(_rounded, "round", "The nearest number of so many decimals, of two the even one")
