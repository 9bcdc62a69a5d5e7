import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_special_values, check_torch, torch

import pydl
from pydl.ops.nan_to_num import nan_to_num, nan_to_num_forward

X = np.array([[-2.0, -0.5, 0.25], [3.0, -1.0, 0.75]])


def test_native_equals_reference():
    check_kernel(nan_to_num_forward)


@pytest.mark.parametrize("values", [{}, {"nan": 2.0}, {"posinf": 5.0, "neginf": -1.0}, {"posinf": np.inf}])
def test_gradient_and_torch(values):
    check_gradient(lambda x: nan_to_num(x, **values), X)
    check_torch(lambda x: nan_to_num(x, **values), lambda x: torch.nan_to_num(x, **values), X)
    check_special_values(lambda x: nan_to_num(x, **values), lambda x: torch.nan_to_num(x, **values))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_by_hand(dtype):
    x = pydl.tensor(np.array([np.nan, np.inf, -np.inf, 1.5], dtype), requires_grad=True)
    largest = float(np.finfo(dtype).max)
    assert nan_to_num(x).tolist() == [0.0, largest, -largest, 1.5]
    y = nan_to_num(x, 7.0, 8.0, 9.0)
    y.backward(np.ones(4, dtype))
    assert y.tolist() == [7.0, 8.0, 9.0, 1.5]
    assert x.grad.tolist() == [0.0, 0.0, 0.0, 1.0]
    assert nan_to_num(x.detach()[::-2]).tolist() == [1.5, largest]


def test_integers_stay():
    assert nan_to_num(np.array([1, 2])).tolist() == [1, 2]


def test_it_is_recorded():
    fast = pydl.capture(nan_to_num)
    for first in (np.nan, 1.0, np.inf):
        x = pydl.tensor(np.array([first, 2.0], np.float32))
        assert fast(x).tolist() == nan_to_num(x).tolist()


def test_refuses():
    with pytest.raises(TypeError, match="nan_to_num: nan must be a number, not 'none'"):
        nan_to_num(X, nan="none")
    with pytest.raises(ValueError, match=r"nan_to_num: posinf is 1e\+39, which does not fit the dtype float32"):
        nan_to_num(X.astype(np.float32), posinf=1e39)
