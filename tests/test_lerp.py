"""lerp, addcmul, addcdiv and hypot; tests/test_composed_operations.py has more on each."""

import numpy as np
import pytest
from checks import check_gradient, check_torch, torch

import pydl
from pydl._compiled import set_noting

RNG = np.random.default_rng(0)
A, B, C = RNG.uniform(0.5, 2.0, (3, 4, 5, 3))
SHAPES = [
    (A, B, C),
    (A, B[0], C[0, 0]),
    (A[0, 0], B, C[:, :1]),
    (A.T, B.T, C.T),
    (A[:0], B[:0], C[:0]),
    (A, B, np.asarray(C[0, 0, 0])),
]
CALLS = {
    "lerp": lambda m, a, b, c: m.lerp(a, b, c),
    "addcmul": lambda m, a, b, c: m.addcmul(a, b, c, value=-0.5),
    "addcdiv": lambda m, a, b, c: m.addcdiv(a, b, c, value=3),
    "hypot": lambda m, a, b, c: m.hypot(a, b) + c,
    "add": lambda m, a, b, c: m.add(a, b, alpha=-0.3) + c,
    "sub": lambda m, a, b, c: m.sub(a, b, alpha=2) + c,
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("shapes", SHAPES, ids=range(len(SHAPES)))
def test_as_in_pytorch(name, shapes):
    call = CALLS[name]
    check_torch(lambda *x: call(pydl, *x), lambda *x: call(torch, *x), *shapes)


@pytest.mark.parametrize("name", CALLS)
def test_gradients(name):
    check_gradient(lambda *x: CALLS[name](pydl, *x), A[:2], B[:2], C[0])


@pytest.mark.parametrize("name", CALLS)
def test_the_same_bits_where_calls_are_noted(name):
    x = [pydl.tensor(each.astype(np.float32)) for each in (A, B, C)]
    if name == "hypot":
        return
    at_once = CALLS[name](pydl, *x).numpy()
    set_noting(True)
    try:
        apart = CALLS[name](pydl, *x).numpy()
    finally:
        set_noting(False)
    np.testing.assert_array_equal(at_once, apart)


def test_dtypes():
    single, double = pydl.tensor(A.astype(np.float32)), pydl.tensor(B)
    assert pydl.lerp(single, single, 0.5).dtype == np.float32
    assert pydl.lerp(single, double, 0.5).dtype == np.float64
    assert pydl.hypot(single, 3).dtype == np.float32
    assert pydl.addcmul(pydl.tensor([1, 2]), pydl.tensor([3, 4]), pydl.tensor([5, 6]), value=2).tolist() == [31, 50]


def test_worked_by_hand():
    assert pydl.lerp(np.array([1.0, 2.0]), np.array([3.0, 6.0]), 0.25).tolist() == [1.5, 3.0]
    assert pydl.addcdiv(np.array([1.0]), np.array([6.0]), np.array([3.0]), value=0.5).tolist() == [2.0]
    assert pydl.hypot(np.array([3.0, 0.0]), np.array([4.0, -2.0])).tolist() == [5.0, 2.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_infinite_and_no_numbers(dtype):
    a, b = (each.ravel() for each in np.meshgrid(*2 * [np.array([np.inf, -np.inf, np.nan, 0, -1.5], dtype)]))
    for weight in (-1.0, -0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 2.0):
        expected = torch.lerp(torch.tensor(a), torch.tensor(b), weight).numpy()
        np.testing.assert_array_equal(pydl.lerp(a, b, weight), expected)
        shares = np.full(a.shape, weight, dtype)
        np.testing.assert_array_equal(pydl.lerp(a, b, shares), expected)
    np.testing.assert_allclose(pydl.hypot(a, b), torch.hypot(torch.tensor(a), torch.tensor(b)).numpy(), rtol=1e-6)


def test_the_end_is_exact():
    a, b = RNG.standard_normal((2, 100)) * 10.0 ** RNG.integers(-9, 9, (2, 100))
    np.testing.assert_array_equal(pydl.lerp(a, b, 1.0), b)
    np.testing.assert_array_equal(pydl.lerp(a, b, 0), a)
