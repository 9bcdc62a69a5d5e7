import numpy as np
import poolings
import pytest
from checks import check_kernel, check_refused

import pydl
from pydl.ops.avg_pool3d import avg_pool3d, avg_pool3d_backward, avg_pool3d_forward


@pytest.mark.parametrize("kernel", [avg_pool3d_forward, avg_pool3d_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=60)


def test_worked_by_hand():
    x = pydl.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]], requires_grad=True)
    y = avg_pool3d(x, 2)
    assert y.tolist() == [[[[4.5]]]]
    y.backward(np.array([[[[16.0]]]]))
    assert x.grad.tolist() == [[[[2.0, 2.0], [2.0, 2.0]], [[2.0, 2.0], [2.0, 2.0]]]]


CASES = [
    # shape of x, then kernel_size, stride, padding, ceil_mode, count_include_pad
    ((1, 2, 5, 6, 9), [2]),
    ((2, 2, 6, 7, 20), [3, 2, 1, False]),
    ((1, 3, 7, 6, 19), [3, 2, 1, True, False]),
    ((2, 5, 6, 8), [(1, 2, 3), (2, 1, 1), (0, 1, 1)]),
    ((2, 2, 4, 8, 8), [2, 2, 0]),
    ((0, 3, 4, 4, 4), [2]),
    ((2, 3, 4, 5, 6), [(4, 5, 6)]),
    ((1, 2, 9, 9, 9), [7, 1, 3]),
    ((3, 2, 3, 3, 3), [3, 1, 1]),
    ((3, 2, 6, 15, 30), [2]),
    ((2, 3, 7, 15, 28), [3, 2, 1]),
    ((2, 2, 5, 9, 20), [(2, 3, 3), 1, 1, True]),
    ((1, 2, 8, 8, 26), [(3, 2, 2), (2, 2, 2), 0, True]),
]


@pytest.mark.parametrize(("shape", "settings"), CASES, ids=str)
def test_torch(shape, settings):
    poolings.check_against_torch(avg_pool3d, shape, settings)


@pytest.mark.parametrize(("shape", "settings"), [((1, 1, 3, 4, 3), [2, 1]), ((1, 2, 3, 3, 4), [3, 2, 1])], ids=str)
def test_gradient(shape, settings):
    poolings.check_pooling_gradient(avg_pool3d, shape, settings)


def test_any_strides():
    poolings.check_any_strides(avg_pool3d, (1, 2, 5, 6, 9), 2)


X = np.zeros((1, 2, 5, 6, 9), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    poolings.wrong_calls(avg_pool3d, X, "(N, C, D, H, W) or (C, D, H, W)", "one integer or three"),
)
def test_refuses(call, error, message):
    check_refused(call, error, f"avg_pool3d: {message}")
