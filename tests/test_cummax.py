import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_refused, check_torch, torch

import pydl
from pydl.ops.cummax import cummax_forward, cummax_integers

X = np.random.default_rng(0).standard_normal((3, 5, 2))


@pytest.mark.parametrize("kernel", [cummax_forward, cummax_integers], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


@pytest.mark.parametrize("name", ["cummax", "cummin"])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_extremes_as_in_pytorch(name, dim):
    ties = np.round(X)
    nans = X.copy()
    nans[1, 2] = np.nan
    for x in (X, ties, nans, X[:, :0], np.array(2.0), ties.astype(np.int64)):
        d = dim if np.ndim(x) else 0
        got, want = getattr(pydl, name)(x, d), getattr(torch, name)(torch.tensor(x), d)
        np.testing.assert_array_equal(got.values.numpy(), want.values.numpy())
        np.testing.assert_array_equal(got.indices.numpy(), want.indices.numpy())
    check_torch(lambda x: getattr(x, name)(dim).values, lambda x: getattr(x, name)(dim).values, ties)
    check_gradient(lambda x: getattr(x, name)(dim).values, X)


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.int32, np.uint8, np.bool_])
def test_whole_numbers_keep_all_their_digits(dtype):
    x = np.random.default_rng(0).integers(-(2**63), 2**63 - 1, (7, 20, 9)).astype(dtype)
    x[0, 3:5] = x[0, 3]
    for view in (x, x[::-1, ::2], x.T):
        for dim in range(3):
            for name, form in (("cummax", np.maximum), ("cummin", np.minimum)):
                got = getattr(pydl, name)(view, dim)
                np.testing.assert_array_equal(got.values.numpy(), form.accumulate(view, dim))
                there = np.take_along_axis(view, got.indices.numpy(), dim)
                np.testing.assert_array_equal(there, got.values.numpy())
                assert got.values.dtype == dtype


def test_worked_by_hand():
    assert pydl.cummax([1, 3, 2, 3], 0).indices.tolist() == [0, 1, 1, 3]


def test_refuses():
    check_refused(lambda: pydl.cummax(None, 0), TypeError, "cummax: input must be a tensor or an array, not NoneType")
