import itertools

import numpy as np
import pytest
from checks import check_kernel, check_refused, torch

import pydl
from pydl.ops.logical_and import logical_and_forward

ARRAYS = [np.array([0, 1, 2, 3], dtype) for dtype in ("int64", "int32", "uint8")]
ARRAYS += [np.array([True, False, True, True]), np.array([[True], [False]])]
FLOATS = [np.array([0.0, -0.0, np.nan, 2.0], np.float32)]


def test_native_equals_reference():
    check_kernel(logical_and_forward)


@pytest.mark.parametrize("dtype", ["bool", "float32"])
def test_any_layout(dtype):
    a, b = np.random.default_rng(0).integers(0, 2, (2, 3, 70, 33)).astype(dtype)
    for x, z in [(a, b), (a[:, ::3, ::-1], b[:, ::3, ::-1]), (a.T, b.T), (a, b[:, :, :1]), (a[..., :5], b[0, ..., :5])]:
        np.testing.assert_array_equal(pydl.logical_and(x, z).numpy(), np.logical_and(x, z))
        np.testing.assert_array_equal(pydl.logical_xor(x, z).numpy(), np.logical_xor(x, z))
        np.testing.assert_array_equal(pydl.logical_not(x).numpy(), np.logical_not(x))


@pytest.mark.parametrize(
    "name", ["logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor"]
)
def test_as_in_pytorch(name):
    arrays = ARRAYS + FLOATS * name.startswith("logical")
    for a, b in itertools.product(arrays, arrays):
        want = getattr(torch, name)(torch.tensor(a), torch.tensor(b)).numpy()
        got = getattr(pydl.tensor(a), name)(b)
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got.numpy(), want)


def test_operators():
    a, b = pydl.tensor([True, True, False]), pydl.tensor([True, False, False])
    assert (a & b).tolist() == [True, False, False]
    assert (a | b).tolist() == [True, True, False]
    assert (a ^ b).tolist() == [False, True, False]
    assert (~a).tolist() == [False, False, True]
    assert (~pydl.tensor([0, 5])).tolist() == [-1, -6]
    assert (pydl.tensor([6]) & 3).tolist() == [2]


def test_refuses():
    x = pydl.tensor([1.0])
    check_refused(lambda: x & x, TypeError, "bitwise_and: the arguments are float32 but must be bool or integers")
    check_refused(lambda: ~x, TypeError, "bitwise_not: input is float32 but must be bool or integers")
    check_refused(lambda: pydl.logical_and([1, 2], [1, 2, 3]), ValueError, "logical_and: shapes (2,) and (3,) do not")
