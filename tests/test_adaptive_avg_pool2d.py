import numpy as np
import poolings
import pytest
from checks import check_refused

import pydl
from pydl.ops.adaptive_avg_pool2d import adaptive_avg_pool2d


def test_worked_by_hand():
    x = pydl.tensor([[[1.0, 4.0, 1.0, 3.0, 5.0]]], requires_grad=True)
    y = adaptive_avg_pool2d(x, (1, 2))
    assert y.tolist() == [[[2.0, 3.0]]]  # of 1 4 1 and 1 3 5
    y.backward(np.array([[[3.0, 6.0]]]))
    assert x.grad.tolist() == [[[1.0, 1.0, 3.0, 2.0, 2.0]]]


CASES = [
    # shape of x, output_size
    ((2, 3, 7, 7), 1),
    ((2, 3, 13, 17), (6, 5)),
    ((2, 3, 14, 14), 7),
    ((3, 5, 6, 31), (3, None)),
    ((3, 4, 6, 7), (6, 7)),
    ((3, 9, 20), (None, 4)),
    ((2, 3, 8, 33), (4, 3)),
    ((2, 2, 2, 3), (3, 5)),
    ((0, 3, 6, 6), 2),
    ((2, 9, 31, 45), (4, 7)),
    ((3, 5, 40, 70), 5),
    ((1, 3, 5, 300), (2, 3)),
    ((3, 2, 21, 56), (3, 14)),  # gradients that are lines again and again: of few rows, uneven ones, narrow ones
    ((2, 3, 17, 56), (4, 7)),
    ((3, 3, 16, 14), 2),
    ((2, 3, 12, 50), (5, 3)),
    ((3, 3, 12, 56), (3, 7)),  # windows whose neighbours are added up: of 8 columns, of more than a vector
    ((2, 3, 9, 128), (4, 2)),
]


@pytest.mark.parametrize(("shape", "size"), CASES, ids=str)
def test_torch(shape, size):
    poolings.check_against_torch(adaptive_avg_pool2d, shape, [size])


def test_gradient():
    poolings.check_pooling_gradient(adaptive_avg_pool2d, (1, 2, 5, 4), [(3, 2)])


def test_any_strides():
    for size in (1, 2):
        poolings.check_any_strides(adaptive_avg_pool2d, (2, 3, 9, 17), size, tolerance=1e-6)


X = np.zeros((2, 3, 9, 17), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    poolings.wrong_adaptive_calls(adaptive_avg_pool2d, X, "(N, C, H, W) or (C, H, W)", "one integer or two"),
)
def test_refuses(call, error, message):
    check_refused(call, error, f"adaptive_avg_pool2d: {message}")
