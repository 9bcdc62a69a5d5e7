import numpy as np
import poolings
import pytest
from checks import check_refused

import pydl
from pydl.ops.avg_pool1d import avg_pool1d


def test_worked_by_hand():
    x = pydl.tensor([[1.0, 3.0, 5.0]], requires_grad=True)
    assert avg_pool1d(x, 2, 2, 1).tolist() == [[0.5, 4.0]]
    y = avg_pool1d(x, 2, 2, 1, count_include_pad=False)
    assert y.tolist() == [[1.0, 4.0]]
    y.backward(np.array([[2.0, 4.0]]))
    assert x.grad.tolist() == [[2.0, 2.0, 2.0]]


CASES = [
    # shape of x, then kernel_size, stride, padding, ceil_mode, count_include_pad
    ((2, 3, 17), [2]),
    ((2, 3, 40), [3, 2, 1, False]),
    ((2, 3, 41), [3, 2, 1, True, False]),
    ((5, 30), [4, 1, 2]),
    ((1, 1, 70), [(3,), (1,), (1,)]),
    ((0, 3, 6), [2]),
    ((2, 3, 1000), [50, 7, 20]),
    ((2, 2, 64), [64]),
    ((1, 2, 9003), [3, 1, 1]),  # long lines
    ((1, 2, 9001), [5, 3, 2, True, False]),
    ((1, 20, 9001), [2, 1, 1, False, False]),
    ((1, 3, 5001), [2, 1, 1, True]),  # more than one part of a line
    ((2, 3, 3100), [3, 3]),
    ((3, 5, 12), [2]),  # lines that are one
    ((2, 3, 2051), [4]),
    ((4, 7, 53), [3, 4, 1]),  # elements that are in no window
    ((3, 4, 61), [7, 2, 3]),
]


@pytest.mark.parametrize(("shape", "settings"), CASES, ids=str)
def test_torch(shape, settings):
    poolings.check_against_torch(avg_pool1d, shape, settings)


@pytest.mark.parametrize(("shape", "settings"), [((1, 2, 6), [2, 1]), ((2, 7), [3, 2, 1])], ids=str)
def test_gradient(shape, settings):
    poolings.check_pooling_gradient(avg_pool1d, shape, settings)


def test_any_strides():
    poolings.check_any_strides(avg_pool1d, (2, 3, 17), 2)


X = np.zeros((2, 3, 17), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"), poolings.wrong_calls(avg_pool1d, X, "(N, C, L) or (C, L)", "one integer")
)
def test_refuses(call, error, message):
    check_refused(call, error, f"avg_pool1d: {message}")
