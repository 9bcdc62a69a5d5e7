"""Accuracy of the functions of csrc/simd/math.h and simd/circular.h, on every instruction set: as stated there."""

import math

import numpy as np
import pytest

from pydl import _native
from pydl.op import native_isa
from pydl.ops.elementary import COS, ERF, SIN, elementary_forward
from pydl.ops.exp import exp_forward
from pydl.ops.gelu import gelu_forward
from pydl.ops.log import log_forward
from pydl.ops.sigmoid import sigmoid_forward
from pydl.ops.tanh import tanh_forward

DTYPES = [np.float32, np.float64]
# Where the compiler's longest float is a double, its own rounding counts too.
REFERENCE_ULP = 0.0 if np.finfo(np.longdouble).eps < 2.0**-60 else 1.0


def tolerance(isa, bound):
    """simd/math.h allows one ulp more without fused multiply-add."""
    return bound + REFERENCE_ULP + (isa in ("sse2", "generic"))


def run(kernel, x, *settings):
    y = np.empty_like(x)
    kernel.native(x, *settings, y)
    return y


def everywhere(low, high, dtype):
    """Evenly from low to high, and around zero, evenly in the exponent."""
    smallest, largest = 1.0 if low > 0 else -math.log2(np.finfo(dtype).tiny) - 1, math.log2(high)
    exponents = np.random.default_rng(1).uniform(-smallest, largest, 20_000)
    x = np.concatenate([np.linspace(low, high, 60_001), np.exp2(exponents), -np.exp2(exponents)]).astype(dtype)
    return x[(x >= low) & (x <= high)]


def exp_arguments(dtype):
    return everywhere(*((-87.3, 88.7) if dtype == np.float32 else (-708.3, 709.7)), dtype)


def log_arguments(dtype):
    limits = np.finfo(dtype)
    exponents = np.random.default_rng(2).uniform(math.log2(limits.tiny), math.log2(float(limits.max)), 40_000)
    return np.concatenate([np.linspace(0.5, 2.0, 60_001), np.exp2(exponents)]).astype(dtype)


def sigmoid_arguments(dtype):
    return everywhere(*((-87.3, 100.0) if dtype == np.float32 else (-708.3, 100.0)), dtype)


def tanh_arguments(dtype):
    return everywhere(-30.0, 30.0, dtype)


def circular_arguments(dtype):
    zeros = (np.arange(1, 40_000) * (math.pi / 2)).astype(dtype)  # of one of the two functions
    return np.concatenate([everywhere(-9e5, 9e5, dtype), everywhere(-20.0, 20.0, dtype), zeros])


def circular(form):
    """From x less its multiple of pi / 2, which is taken off in parts whose products are exact."""

    def exact(x):
        k = np.rint((x * (2 / math.pi)).astype(np.float64)).astype(np.longdouble)
        rest = x - k * float.fromhex("0x1.921fb544p0") - k * float.fromhex("0x1.0b4611a0p-34")
        rest = rest - k * np.longdouble("8.333742918520878328295864e-20")
        turns = (k.astype(np.int64) + (form == COS)) % 4
        value = np.where(turns % 2 == 1, np.cos(rest), np.sin(rest))
        return np.where(turns >= 2, -value, value)

    return exact


def erf(x):
    """By the series up to 1, and from there on as 1 less what is left, whose own error hardly counts."""
    near = np.where(np.abs(x) <= 1, x, 0)
    term = total = near
    for n in range(1, 30):
        term = term * -near * near / n
        total = total + term / (2 * n + 1)
    rest = np.array([math.erfc(abs(each)) for each in x.astype(np.float64).tolist()])
    return np.where(np.abs(x) <= 1, total * 2 / np.sqrt(4 * np.arctan(np.longdouble(1))), np.sign(x) * (1 - rest))


def erf_arguments(dtype):
    return np.concatenate([everywhere(-9.0, 9.0, dtype), np.linspace(-1.2, 1.2, 40_001).astype(dtype)])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("isa", _native.isas)
@pytest.mark.parametrize(
    ("form", "bound", "arguments", "exact"),
    [
        (SIN, 1.6, circular_arguments, circular(SIN)),
        (COS, 1.6, circular_arguments, circular(COS)),
        (ERF, 2.5, erf_arguments, erf),
    ],
    ids=["sin", "cos", "erf"],
)
def test_units_in_the_last_place_of_forms(form, bound, arguments, exact, isa, dtype):
    x = arguments(dtype)
    want = exact(x.astype(np.longdouble))
    with native_isa(isa):
        y = run(elementary_forward, x, form)
    error = np.abs(y - want) / np.spacing(np.maximum(np.abs(want).astype(dtype), np.finfo(dtype).tiny))
    worst = int(np.argmax(error))
    assert error[worst] <= tolerance(isa, bound), f"form {form} of {x[worst]!r} is off by {error[worst]:.2f} ulp"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("isa", _native.isas)
def test_special_values_of_forms(isa, dtype):
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, -1e30], dtype)
    for form, results in (
        (ERF, [np.nan, 1.0, -1.0, 0.0, -0.0, 1.0, -1.0]),
        (SIN, [np.nan, np.nan, np.nan, 0.0, -0.0, *(math.sin(float(each)) for each in x[-2:])]),
        (COS, [np.nan, np.nan, np.nan, 1.0, 1.0, *(math.cos(float(each)) for each in x[-2:])]),
    ):
        with native_isa(isa):
            y = run(elementary_forward, x, form)
        np.testing.assert_allclose(y, np.array(results, dtype), rtol=np.finfo(dtype).eps)
        np.testing.assert_array_equal(np.signbit(y[3:]), np.signbit(results[3:]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("isa", _native.isas)
@pytest.mark.parametrize(
    ("kernel", "bound", "arguments", "exact"),
    [
        (exp_forward, 1.1, exp_arguments, np.exp),
        (log_forward, 1.0, log_arguments, np.log),
        (tanh_forward, 3.0, tanh_arguments, np.tanh),
        (sigmoid_forward, 3.0, sigmoid_arguments, lambda x: 1 / (1 + np.exp(-x))),
    ],
    ids=["exp", "log", "tanh", "sigmoid"],
)
def test_units_in_the_last_place(kernel, bound, arguments, exact, isa, dtype):
    x = arguments(dtype)
    want = exact(x.astype(np.longdouble))
    with native_isa(isa):
        y = run(kernel, x)
    error = np.abs(y - want) / np.spacing(np.abs(want).astype(dtype))
    worst = int(np.argmax(error))
    assert error[worst] <= tolerance(isa, bound), f"{kernel.name}({x[worst]!r}) is off by {error[worst]:.2f} ulp"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("isa", _native.isas)
def test_erf_inside_gelu(isa, dtype):
    """gelu = x/2 (1 + erf(x / sqrt 2)) shows erf's error beside its own roundings.

    In half ulps of 1: two ulps of erf are 2, the rounded argument moves erf by at most 1, and rounding 1 + erf and the
    product, both below 2, costs 1 and 2.
    """
    x = everywhere(-9.0, 9.0, dtype)
    factor = np.array([1 + math.erf(value * math.sqrt(0.5)) for value in x.tolist()])
    with native_isa(isa):
        y = run(gelu_forward, x, False)
    half_x = 0.5 * x.astype(np.float64)
    with np.errstate(under="ignore"):
        error = np.abs(y - half_x * factor)
        # A double reference has an error of its own: half an ulp of 2 and an ulp of the product.
        own = 3.0 if dtype == np.float64 else 0.0
        allowed = (tolerance(isa, 6.0) + own) * np.finfo(dtype).eps / 2 * np.abs(half_x) + np.finfo(dtype).tiny
    worst = int(np.argmax(error - allowed))
    assert error[worst] <= allowed[worst], f"gelu({x[worst]!r}) = {y[worst]!r} is off by {error[worst]!r}"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("isa", _native.isas)
@pytest.mark.parametrize(
    ("kernel", "arguments", "results"),
    [
        (exp_forward, [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e4, -1e4], [np.nan, np.inf, 0.0, 1.0, 1.0, np.inf, 0.0]),
        (
            log_forward,
            [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0],
            [np.nan, np.inf, np.nan, -np.inf, -np.inf, 0.0, np.nan],
        ),
        (tanh_forward, [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e4, -1e4], [np.nan, 1.0, -1.0, 0.0, -0.0, 1.0, -1.0]),
        (sigmoid_forward, [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e4, -1e4], [np.nan, 1.0, 0.0, 0.5, 0.5, 1.0, 0.0]),
    ],
    ids=["exp", "log", "tanh", "sigmoid"],
)
def test_special_values(kernel, arguments, results, isa, dtype):
    with native_isa(isa):
        y = run(kernel, np.array(arguments, dtype))
    np.testing.assert_array_equal(y, results)
    np.testing.assert_array_equal(np.signbit(y[~np.isnan(y)]), np.signbit(results)[~np.isnan(results)])


@pytest.mark.parametrize("isa", _native.isas)
@pytest.mark.parametrize("kernel", [exp_forward, log_forward, tanh_forward, sigmoid_forward], ids=lambda k: k.name)
def test_the_end_of_an_array_has_the_bits_of_its_middle(kernel, isa):
    for dtype in DTYPES:
        x = np.random.default_rng(4).uniform(0.01, 8, 101).astype(dtype)
        with native_isa(isa):
            whole = run(kernel, x)
            for begin in range(1, 33):
                part = run(kernel, x[begin : begin + 33].copy())
                assert part.tobytes() == whole[begin : begin + 33].tobytes()
