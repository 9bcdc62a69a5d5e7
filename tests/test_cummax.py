import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_refused, check_torch, torch

import pydl
from pydl.ops.cummax import cummax_forward

X = np.random.default_rng(0).standard_normal((3, 5, 2))


def test_native_equals_reference():
    check_kernel(cummax_forward)


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


def test_worked_by_hand():
    assert pydl.cummax([1, 3, 2, 3], 0).indices.tolist() == [0, 1, 1, 3]


def test_refuses():
    check_refused(lambda: pydl.cummax(None, 0), TypeError, "cummax: input must be a tensor or an array, not NoneType")
