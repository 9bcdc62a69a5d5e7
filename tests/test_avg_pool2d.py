import numpy as np
import poolings
import pytest
from checks import check_kernel, check_refused

import pydl
from pydl.ops.avg_pool2d import avg_pool2d, avg_pool2d_backward, avg_pool2d_forward

# shape of x, then kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
CASES = [
    ((2, 3, 8, 8), 2, None, 0, False, True, None),
    ((2, 3, 7, 67), 2, 2, 0, True, True, None),
    ((1, 2, 9, 37), 3, 2, 1, False, False, None),
    ((1, 2, 8, 36), 3, 2, 1, True, True, None),
    ((1, 2, 8, 36), 3, 2, 1, True, False, None),
    ((1, 2, 9, 35), 3, 1, 1, False, True, None),
    ((1, 2, 8, 35), 2, 2, 1, False, True, None),
    ((1, 2, 8, 21), 2, 1, 0, False, True, None),
    ((1, 2, 9, 60), (5, 4), (1, 2), (2, 1), True, False, None),
    ((2, 1, 10, 23), (3, 5), (1, 3), (1, 2), False, True, 7),
    ((2, 1, 11, 40), (4, 3), (5, 1), (2, 1), True, False, 1),
    ((2, 2, 7, 7), 7, 1, 0, False, True, None),
    ((3, 9, 9), 3, 3, 1, True, True, None),
    ((0, 3, 6, 6), 2, 2, 0, False, True, None),
    ((1, 1, 2, 2), 3, 2, 0, True, True, None),
    ((3, 7, 20, 44), 4, 4, 0, False, True, None),
    ((2, 5, 21, 50), (3, 4), (3, 5), (1, 2), False, False, None),
    ((2, 3, 14, 70), 7, 7, 0, False, True, None),
    ((2, 3, 9, 33), 3, 2, 1, False, True, None),
    ((5, 3, 14, 14), 3, 2, 1, False, True, None),  # two planes share a vector, the last has one for itself
    ((3, 5, 13, 17), 3, 2, 0, False, True, 5),
    ((7, 3, 15, 11), 2, 2, 0, False, True, None),
    ((4, 30, 17, 28), 2, 2, 0, False, True, None),  # many planes at once
    ((2, 40, 12, 30), 3, 2, 1, False, True, None),
    ((3, 7, 9, 10), 3, 1, 1, False, True, None),
    ((2, 2, 9, 225), 3, 2, 1, False, True, None),
    ((2, 3, 8, 65), 3, 2, 0, True, True, None),
    ((1, 2, 9, 131), 3, 1, 1, False, True, None),
    ((1, 2, 6, 64), 2, 1, 1, False, False, None),
    ((3, 7, 19, 47), (3, 4), (2, 4), (1, 0), False, False, 5),  # neighbours are added up
]


@pytest.mark.parametrize("kernel", [avg_pool2d_forward, avg_pool2d_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=60)


def test_worked_by_hand():
    x = pydl.tensor([[[1.0, 2.0, 5.0], [4.0, 3.0, 7.0]]], requires_grad=True)
    y = avg_pool2d(x, 2, 1)
    assert y.tolist() == [[[2.5, 4.25]]]
    y.backward(np.array([[[4.0, 8.0]]]))
    assert x.grad.tolist() == [[[1.0, 3.0, 2.0], [1.0, 3.0, 2.0]]]


def test_padding_counts_or_not():
    x = np.full((1, 2, 2), 8.0, np.float32)
    assert avg_pool2d(x, 2, 2, 1).tolist() == [[[2.0, 2.0], [2.0, 2.0]]]
    assert avg_pool2d(x, 2, 2, 1, count_include_pad=False).tolist() == [[[8.0, 8.0], [8.0, 8.0]]]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_torch(case):
    shape, *settings = case
    poolings.check_against_torch(avg_pool2d, shape, settings)


@pytest.mark.parametrize("settings", [(2,), (3, 2, 1), ((1, 3), (1, 2), (0, 1), True, False), (3, 2, 0, True)], ids=str)
def test_gradient(settings):
    poolings.check_pooling_gradient(avg_pool2d, (1, 2, 5, 6), settings)


def test_any_strides():
    poolings.check_any_strides(avg_pool2d, (2, 3, 12, 40), 3, 2, 1)


def test_special_values_stay_in_their_windows():
    x = np.ones((1, 1, 6), np.float32)
    x[0, 0, 0], x[0, 0, 2], x[0, 0, 5] = np.nan, np.inf, -np.inf
    np.testing.assert_array_equal(avg_pool2d(x, (1, 2)).numpy(), [[[np.nan, np.inf, -np.inf]]])


X = np.zeros((1, 2, 5, 6), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        *poolings.wrong_calls(avg_pool2d, X, "(N, C, H, W) or (C, H, W)", "one integer or two"),
        (lambda: avg_pool2d(X, 2, divisor_override=0), ValueError, "divisor_override must be at least 1, not 0"),
        (lambda: avg_pool2d(X, (2, 2.5)), TypeError, "kernel_size must be an integer, not 2.5"),
    ],
)
def test_refuses(call, error, message):
    check_refused(call, error, f"avg_pool2d: {message}")
