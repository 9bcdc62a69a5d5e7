"""kthvalue and mode, against the order and against PyTorch; more of them is in test_composed_operations.py."""

import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_refused, check_whole_numbers, torch

import pydl
from pydl.ops.kthvalue import kthvalue_forward

rng = np.random.default_rng(0)
X = rng.standard_normal((3, 4, 5))


def test_native_equals_reference():
    check_kernel(kthvalue_forward)


def test_worked_by_hand():
    x = pydl.tensor([[3.0, 1.0, 2.0, 1.0]], requires_grad=True)
    values, index = x.kthvalue(3)
    assert (values.tolist(), index.tolist()) == ([2.0], [2])
    assert [each.tolist() for each in x.mode()] == [[1.0], [3]]
    (values * 5 + x.mode().values).sum().backward()
    assert x.grad.tolist() == [[0.0, 0.0, 5.0, 1.0]]
    assert x.median().item() == 1.0


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_as_in_pytorch(dim):
    for call in (lambda x: x.kthvalue(2, dim), lambda x: x.median(dim, True), lambda x: x.mode(dim)):
        got, want = call(pydl.tensor(X)), call(torch.tensor(X))
        np.testing.assert_array_equal(got.values.numpy(), want.values.numpy())
        np.testing.assert_array_equal(got.indices.numpy(), want.indices.numpy())
        check_gradient(lambda x, call=call: call(x)[0], X)
        check_whole_numbers(lambda x, call=call: call(x)[0], X, dtypes=("int64", "int32", "uint8"))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 7, 143, 161, 1000, 40_000])
def test_every_place_of_the_order(dtype, size):
    few, many = rng.integers(-3, 4, (2, size)).astype(dtype), rng.standard_normal((2, size)).astype(dtype)
    few[0, ::3], few[1, 0], many[0, size // 2] = np.nan, -0.0, np.inf
    tiny = many * np.finfo(dtype).tiny
    for x in (few, many, tiny, np.abs(many) + 1, np.repeat(many, 3, 1)[:, ::3], np.zeros_like(many)):
        order = np.sort(x, 1)
        for k in {1, size // 3 + 1, size // 2 + 1, size}:
            values, index = pydl.kthvalue(x, k)
            np.testing.assert_array_equal(values.numpy(), order[:, k - 1])
            for a in range(2):
                equal = np.flatnonzero((x[a] == order[a, k - 1]) | (np.isnan(x[a]) & np.isnan(order[a, k - 1])))
                assert index.numpy()[a] == equal[0]


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.int8, np.bool_, np.float16])
def test_numbers_of_other_kinds(dtype):
    x = rng.integers(0, 4, (5, 9)).astype(dtype)
    if x.itemsize == 8:
        x += dtype(2**62)
    values, index = pydl.kthvalue(x, 4)
    assert values.dtype == dtype
    np.testing.assert_array_equal(values.numpy(), np.sort(x, 1)[:, 3])
    values, index = pydl.mode(x)
    for line, value, at in zip(x, values.numpy(), index.numpy(), strict=True):
        different, counts = np.unique(line, return_counts=True)
        assert (value, at) == (different[counts.argmax()], np.flatnonzero(line == value)[-1])


def test_nan_is_no_mode_beside_numbers():
    x = np.array([[np.nan, np.nan, np.nan, 2.0, -0.0, 0.0, 2.0], [np.nan] * 6 + [5.0]], np.float32)
    assert [each.tolist() for each in pydl.mode(x)] == [[0.0, 5.0], [5, 6]]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pydl.kthvalue(X, 6), ValueError, "kthvalue: k is 6, but dimension 2 of (3, 4, 5) has 5 elements"),
        (lambda: pydl.kthvalue(X, 0), ValueError, "kthvalue: k must be at least 1, not 0"),
        (lambda: pydl.mode(X[:, :0], 1), IndexError, "mode: dimension 1 of input (3, 0, 5) has no elements to choose"),
        (lambda: pydl.mode(X, 3), IndexError, "mode: dim is 3, but the input has 3 dimensions"),
    ],
)  # fmt: skip
def test_refuses(call, error, message):
    check_refused(call, error, message)


def test_kernel_stays_inside():
    x, values, index = np.zeros((2, 3)), np.zeros(2), np.zeros(2, np.int64)
    for k in (-1, 3):
        with pytest.raises(ValueError, match="kthvalue_forward: x is"):
            kthvalue_forward.native(x, k, 0, values, index)
