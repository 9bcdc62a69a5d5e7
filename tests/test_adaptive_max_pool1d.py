import numpy as np
import poolings
import pytest
from checks import check_refused

import pydl
from pydl.ops.adaptive_max_pool1d import adaptive_max_pool1d


def test_worked_by_hand():
    x = pydl.tensor([[1.0, 4.0, 2.0, 3.0, 5.0]], requires_grad=True)
    y, indices = adaptive_max_pool1d(x, 2, return_indices=True)
    assert y.tolist() == [[4.0, 5.0]]  # of 1 4 2 and 2 3 5
    assert indices.tolist() == [[1, 4]]
    y.backward(np.array([[1.0, 2.0]]))
    assert x.grad.tolist() == [[0.0, 1.0, 0.0, 0.0, 2.0]]


CASES = [
    # shape of x, output_size
    ((2, 3, 17), 1),
    ((2, 3, 17), 5),
    ((2, 3, 16), 4),
    ((3, 20), (7,)),
    ((2, 2, 4), 9),
    ((0, 3, 6), 2),
]


@pytest.mark.parametrize(("shape", "size"), CASES, ids=str)
def test_torch(shape, size):
    poolings.check_against_torch(adaptive_max_pool1d, shape, [size])


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize(("shape", "size"), CASES, ids=str)
def test_torch_indices(shape, size, special):
    poolings.check_indices(adaptive_max_pool1d, shape, [size], special)


def test_none_keeps_the_length():
    x = np.arange(12.0).reshape(2, 6)
    y, indices = adaptive_max_pool1d(x, None, return_indices=True)
    np.testing.assert_array_equal(y.numpy(), x)
    assert indices.tolist() == [[0, 1, 2, 3, 4, 5]] * 2


def test_gradient():
    poolings.check_pooling_gradient(adaptive_max_pool1d, (1, 2, 7), [3])


def test_any_strides():
    for size in (1, 2):
        poolings.check_any_strides(adaptive_max_pool1d, (2, 3, 17), size, return_indices=True)


X = np.zeros((2, 3, 17), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    poolings.wrong_adaptive_calls(adaptive_max_pool1d, X, "(N, C, L) or (C, L)", "one integer"),
)
def test_refuses(call, error, message):
    check_refused(call, error, f"adaptive_max_pool1d: {message}")
