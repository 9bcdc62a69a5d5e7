import numpy as np
import poolings
import pytest
from checks import check_refused

import pydl
from pydl.ops.adaptive_max_pool2d import adaptive_max_pool2d


def test_worked_by_hand():
    x = pydl.tensor([[[1.0, 4.0, 2.0, 3.0, 5.0]]], requires_grad=True)
    y, indices = adaptive_max_pool2d(x, (1, 2), return_indices=True)
    assert y.tolist() == [[[4.0, 5.0]]]  # of 1 4 2 and 2 3 5
    assert indices.tolist() == [[[1, 4]]]
    y.backward(np.array([[[1.0, 2.0]]]))
    assert x.grad.tolist() == [[[0.0, 1.0, 0.0, 0.0, 2.0]]]


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
]


@pytest.mark.parametrize(("shape", "size"), CASES, ids=str)
def test_torch(shape, size):
    poolings.check_against_torch(adaptive_max_pool2d, shape, [size])


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize(("shape", "size"), CASES, ids=str)
def test_torch_indices(shape, size, special):
    poolings.check_indices(adaptive_max_pool2d, shape, [size], special)


def test_gradient():
    poolings.check_pooling_gradient(adaptive_max_pool2d, (1, 2, 5, 4), [(3, 2)])


def test_any_strides():
    for size in (1, 2):
        poolings.check_any_strides(adaptive_max_pool2d, (2, 3, 9, 17), size, return_indices=True)


X = np.zeros((2, 3, 9, 17), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    poolings.wrong_adaptive_calls(adaptive_max_pool2d, X, "(N, C, H, W) or (C, H, W)", "one integer or two"),
)
def test_refuses(call, error, message):
    check_refused(call, error, f"adaptive_max_pool2d: {message}")
