import operator

import numpy as np
import pytest

import pydl
from pydl.ops.lt import lt


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge])
def test_as_numpy(compare):
    a = np.array([1.0, 2.0, np.nan, -np.inf], np.float32)
    b = np.array([[2.0], [1.0]], np.float32)
    for x, y in ((a, b), (a, 1.0), (1.0, a), (a, a.astype(np.float64)), (np.array([1, 2, 3]), 2)):
        want = compare(x, y)
        tensors = [pydl.tensor(each) if isinstance(each, np.ndarray) else each for each in (x, y)]
        got = compare(*tensors)
        assert got.dtype == np.bool_
        np.testing.assert_array_equal(got.numpy(), want)
    np.testing.assert_array_equal(compare(a, pydl.tensor(b)).numpy(), compare(a, b))


def test_no_gradient():
    assert not (pydl.tensor([1.0], requires_grad=True) < 2.0).requires_grad


def test_refuses():
    with pytest.raises(ValueError, match=r"lt: shapes \(2,\) and \(3,\) do not broadcast together"):
        lt(np.ones(2), np.ones(3))
    with pytest.raises(TypeError, match="lt: other must be a tensor or an array, not NoneType"):
        lt(np.ones(2), None)
