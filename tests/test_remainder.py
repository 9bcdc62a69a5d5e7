import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_refused, check_torch, torch

import pydl
from pydl.ops.remainder import remainder_forward, remainder_integers

RNG = np.random.default_rng(0)
A, B = RNG.uniform(-5, 5, (3, 4)), RNG.uniform(0.5, 2, 4) * [1, -1, 1, -1]


@pytest.mark.parametrize("kernel", [remainder_forward, remainder_integers], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["remainder", "fmod", "floor_divide"])
def test_exact_for_quotients_of_any_size(name, dtype):
    odd = [0.0, -0.0, 1.0, -1.0, 3.0, np.inf, -np.inf, np.nan, 1e-30, 7e29, -2.5, 0.1, 1e7, 8388607.5]
    a, b = (np.array(each, dtype) for each in np.meshgrid(odd, odd))
    wide = (10 ** RNG.uniform(-12, 12, 4000) * RNG.choice([-1, 1], 4000)).astype(dtype)
    # PyTorch's own fmod says NaN where the quotient of float32 numbers is infinite.
    with np.errstate(all="ignore"):
        for x, z in [(a, b), (wide, wide[::-1].copy()), (wide * 3, wide), (wide, np.asarray(dtype(0.1)))]:
            got, want = getattr(pydl, name)(x, z).numpy(), getattr(np, name)(x, z)
            want = np.where(z == 0, x / z, want) if name == "floor_divide" else want
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("name", ["remainder", "fmod", "floor_divide"])
def test_as_in_pytorch(name):
    ours, theirs = getattr(pydl, name), getattr(torch, name)
    if name != "floor_divide":  # which PyTorch gives no gradient
        check_torch(ours, theirs, A, B)
        check_gradient(ours, A, B)
    odd = np.array([1.0, -1.0, 0.0, np.inf])
    for a, b in [(A, B), (A[:0], B), (np.array(5.5), np.array(-2.0)), (odd, np.zeros(1))]:
        got, want = ours(a, b).numpy(), theirs(torch.tensor(a), torch.tensor(b)).numpy()
        np.testing.assert_allclose(got, want)
    a, b = np.array([7, -7, 7, -7, 6]), np.array([2, 2, -2, -2, 3])
    for dtype in (np.int64, np.int32):
        x, z = a.astype(dtype), b.astype(dtype)
        got, want = ours(x, z).numpy(), theirs(torch.tensor(x), torch.tensor(z)).numpy()
        assert got.dtype == want.dtype
        assert got.tolist() == want.tolist()


@pytest.mark.parametrize("name", ["remainder", "fmod", "floor_divide"])
def test_whole_numbers_of_any_size(name):
    """Those around 2^51 too, from which on doubles are not enough."""
    edges = [
        0,
        1,
        -1,
        2,
        3,
        -7,
        2**50,
        2**51 - 1,
        2**51,
        -(2**51),
        2**51 + 1,
        2**53 + 1,
        2**63 - 1,
        -(2**63),
        10**15 + 7,
    ]
    wide = RNG.integers(-(2**62), 2**62, 5000) >> RNG.integers(0, 62, 5000)
    a = np.concatenate([np.repeat(edges, len(edges)), wide])
    b = np.concatenate([np.tile(edges, len(edges)), wide[::-1]])
    near = np.arange(1, 4000) * (2**39 - 1)  # all but divisible
    for x, z in [(a, b), (a[::-2], b[::-2]), (near - 1, np.arange(1, 4000)), (-near - 1, np.int64([2**39 - 1]))]:
        x, z = x[z != 0] if x.shape == z.shape else x, z[z != 0]
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(getattr(pydl, name)(x, z).numpy(), getattr(np, name)(x, z))


@pytest.mark.parametrize("mode", ["floor", "trunc"])
def test_rounded_division_as_in_pytorch(mode):
    for a, b in [(A, B), (np.array([7, -7, 7, -7, 6]), np.array([2, 2, -2, -2, 3]))]:
        got = pydl.div(a, b, rounding_mode=mode).numpy()
        want = torch.div(torch.tensor(a), torch.tensor(b), rounding_mode=mode).numpy()
        assert got.dtype == want.dtype
        assert got.tolist() == want.tolist()


def test_gradient_beside_infinities_as_in_pytorch():
    odd = np.array([np.inf, -np.inf, 2.0])
    for name in ("remainder", "fmod"):
        check_torch(getattr(pydl, name), getattr(torch, name), np.array([1.5, 1.5, 1.5]), odd)


def test_operators():
    x = pydl.tensor([5.5, -5.5])
    assert (x // 2).tolist() == [2, -3]
    assert (x % 2).tolist() == [1.5, 0.5]
    assert (12 // x).tolist() == [2, -3]
    assert (12 % x).tolist() == [1, -4.5]
    assert pydl.fmod(x, 2).tolist() == [1.5, -1.5]


def test_refuses():
    check_refused(lambda: pydl.tensor([1]) // 0, ValueError, "floor_divide: other is 0 somewhere, and integers are not")
    check_refused(
        lambda: pydl.remainder(True, True), TypeError, "remainder: the arguments are bool but must be numbers"
    )
    check_refused(
        lambda: pydl.div(1.0, 2.0, rounding_mode="up"), ValueError, "div: rounding_mode must be 'floor' or 'tr"
    )
