"""Elementary functions, against PyTorch and central differences."""

import math

import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_refused, check_special_values, check_torch, torch

import pydl
from pydl.ops.elementary import elementary_backward, elementary_forward

X = np.random.default_rng(0).uniform(0.2, 1.4, (3, 4))
SMOOTH = ["sin", "cos", "tan", "log1p", "expm1", "log2", "log10", "reciprocal", "rsqrt"]
SMOOTH += ["sinh", "cosh", "atan", "asinh", "exp2", "erf"]
STEPPED = ["sign", "floor", "ceil", "trunc", "round"]


def test_native_equals_reference():
    check_kernel(elementary_forward)
    check_kernel(elementary_backward)


@pytest.mark.parametrize("name", SMOOTH + STEPPED)
def test_as_in_pytorch(name):
    def call(x):
        return getattr(x, name)()

    for values in (X, 10 * X - 7 if name in STEPPED else X.T, X[:0], np.array(0.5)):
        check_torch(call, call, values)
    check_gradient(call, X)
    for dtype in ("int64", "uint8"):
        x = np.array([1, 2, 3], dtype)
        want = call(torch.tensor(x)).numpy()
        got = call(pydl.tensor(x))
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-6)


@pytest.mark.parametrize("name", ["asin", "acos", "atanh", "acosh"])
def test_inverses_as_in_pytorch(name):
    x = X + 1 if name == "acosh" else X - 0.7
    check_torch(getattr(pydl, name), getattr(torch, name), x)
    check_gradient(getattr(pydl, name), x)
    check_special_values(getattr(pydl, name), getattr(torch, name))


def test_decimals_as_in_pytorch():
    for decimals in (0, 1, 3, -1):
        x = 100 * (X - 0.5)
        got, want = pydl.round(x, decimals=decimals).numpy(), torch.round(torch.tensor(x), decimals=decimals).numpy()
        np.testing.assert_allclose(got, want, atol=1e-12)
    check_refused(lambda: pydl.round(3, decimals=1), TypeError, "round: decimals is 1, which needs an input of float32")


@pytest.mark.parametrize(
    "name",
    ["log1p", "expm1", "atan", "sinh", "erf", "exp2", "log2", "log10", "reciprocal", "rsqrt", "sign", "floor", "round"],
)
def test_special_values(name):
    check_special_values(getattr(pydl, name), getattr(torch, name))


def test_worked_by_hand():
    assert pydl.round(np.array([0.5, 1.5, -0.5, 2.6])).tolist() == [0, 2, 0, 3]
    assert pydl.trunc(np.array([-1.7, 1.7])).tolist() == [-1, 1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["floor", "ceil", "trunc", "round", "frac"])
def test_whole_numbers_keep_signs_and_see_denormals(name, dtype):
    tiny, half = np.finfo(dtype).smallest_subnormal, 2.0 ** np.finfo(dtype).nmant / 2
    x = np.array(
        [0, tiny, 0.5, 1 - 2**-20, 1.5, 2.5, half - 0.5, half + 0.5, 2 * half + 1, 1e30, np.inf, np.nan], dtype
    )
    if name == "frac":
        x = np.delete(x, 1)  # what is behind the point of a denormal number is zero in float32, as everywhere
    for values in (x, -x):
        got, want = getattr(pydl, name)(values).numpy(), getattr(torch, name)(torch.tensor(values)).numpy()
        np.testing.assert_array_equal(got, want)
        np.testing.assert_array_equal(np.signbit(got[:-1]), np.signbit(want[:-1]))  # but for that of NaN


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logarithm_of_a_power_is_whole(dtype):
    tens, twos = np.arange(-37, 39), np.arange(-126, 128)
    np.testing.assert_array_equal(pydl.log10((10.0**tens).astype(dtype)).numpy(), tens.astype(dtype))
    np.testing.assert_array_equal(pydl.log2(np.exp2(twos).astype(dtype)).numpy(), twos.astype(dtype))


_TURNS = np.concatenate([[0, 1e-20], np.arange(7600) * np.pi / 2, np.geomspace(1, 1e7, 999)])
_LARGE = np.geomspace(1e-30, 1e30, 999)
_POSITIVE = np.concatenate([_LARGE, np.linspace(0.5, 2, 999)])
_ROUND_0 = np.concatenate([[0, 1e-20], np.linspace(-1, 1, 1001)])
DOMAINS = {
    **{"sin": _TURNS, "cos": _TURNS, "tan": _TURNS, "asin": _ROUND_0, "acos": _ROUND_0, "atan": np.append(_LARGE, 0)},
    **{"sinh": np.linspace(-89.4, 89.4, 999), "cosh": np.linspace(-89.4, 89.4, 999), "asinh": -_LARGE},
    **{"acosh": 1 + _LARGE, "atanh": np.linspace(-1, 1, 1001)[1:-1], "exp2": np.linspace(-125, 125, 999)},
    **{"log2": _POSITIVE, "log10": _POSITIVE},
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", DOMAINS)
def test_functions_keep_their_digits(name, dtype):
    x = DOMAINS[name].astype(dtype)
    exact = getattr(np, name.replace("a", "arc", 1) if name[0] == "a" else name)
    want = exact(x.astype(np.longdouble)).astype(dtype)
    np.testing.assert_allclose(getattr(pydl, name)(x).numpy(), want, rtol=4 * np.finfo(dtype).eps)


def test_refuses():
    check_refused(lambda: pydl.sin("x"), TypeError, "sin: input must be a tensor or an array, not str")
    check_refused(lambda: pydl.floor(None), TypeError, "floor: input must be a tensor or an array, not NoneType")
    half = np.ones(3, np.float16)
    for name in ("floor", "sign"):
        check_refused(
            lambda name=name: getattr(pydl, name)(half),
            TypeError,
            f"{name}: input has dtype float16 but must be float32 or float64",
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_error_function_keeps_its_digits(dtype):
    x = np.concatenate([np.linspace(-7, 7, 999), np.geomspace(1e-30, 1, 99), [np.inf, -np.inf, np.nan]]).astype(dtype)
    want = np.array([math.erf(each) for each in x.tolist()], dtype)
    np.testing.assert_allclose(pydl.erf(x).numpy(), want, rtol=4 * np.finfo(dtype).eps)
    assert math.copysign(1, pydl.erf(np.array(-0.0, dtype)).item()) == -1
