import numpy as np
import poolings
import pytest
from checks import check_refused

import pydl
from pydl.ops.max_pool1d import max_pool1d


def test_worked_by_hand():
    x = pydl.tensor([[1.0, 3.0, 3.0, 2.0]], requires_grad=True)
    y, indices = max_pool1d(x, 2, 1, return_indices=True)
    assert y.tolist() == [[3.0, 3.0, 3.0]]
    assert indices.tolist() == [[1, 1, 2]]  # the first of equals
    y.backward(np.array([[1.0, 2.0, 4.0]]))
    assert x.grad.tolist() == [[0.0, 3.0, 4.0, 0.0]]


CASES = [
    # shape of x, then kernel_size, stride, padding, dilation, ceil_mode
    ((2, 3, 17), [2]),
    ((2, 3, 40), [3, 2, 1, 1, False]),
    ((2, 3, 41), [3, 2, 1, 2, True]),
    ((5, 30), [4, 1, 2]),
    ((1, 1, 70), [(3,), (1,), (1,)]),
    ((0, 3, 6), [2]),
    ((2, 3, 1000), [50, 7, 20]),
    ((2, 2, 64), [64]),
    ((1, 2, 9003), [3, 1, 1]),  # long lines
    ((1, 2, 9001), [5, 3, 2, 2, True]),
    ((1, 20, 9001), [2, 1, 1]),
    ((1, 3, 5001), [2, 1, 1, 1, True]),  # more than one part of a line
    ((2, 3, 3100), [3, 3]),
    ((3, 5, 12), [2]),  # lines that are one
    ((2, 3, 2051), [4]),
    ((4, 7, 53), [3, 4, 1]),  # elements that are in no window
    ((3, 4, 61), [7, 2, 3]),
    ((3, 4, 29), [3, 1, 1, 2]),
]


@pytest.mark.parametrize(("shape", "settings"), CASES, ids=str)
def test_torch(shape, settings):
    poolings.check_against_torch(max_pool1d, shape, settings)


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize(("shape", "settings"), CASES, ids=str)
def test_torch_indices(shape, settings, special):
    poolings.check_indices(max_pool1d, shape, settings, special)


@pytest.mark.parametrize(("shape", "settings"), [((1, 2, 6), [2, 1]), ((2, 7), [3, 2, 1])], ids=str)
def test_gradient(shape, settings):
    poolings.check_pooling_gradient(max_pool1d, shape, settings)


def test_any_strides():
    poolings.check_any_strides(max_pool1d, (2, 3, 17), 2, return_indices=True)


X = np.zeros((2, 3, 17), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"), poolings.wrong_calls(max_pool1d, X, "(N, C, L) or (C, L)", "one integer")
)
def test_refuses(call, error, message):
    check_refused(call, error, f"max_pool1d: {message}")
