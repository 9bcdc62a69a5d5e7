import numpy as np
import poolings
import pytest
from checks import check_kernel, check_refused

import pydl
from pydl.ops.max_pool3d import max_pool3d, max_pool3d_backward, max_pool3d_forward


@pytest.mark.parametrize("kernel", [max_pool3d_forward, max_pool3d_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=60)


def test_worked_by_hand():
    x = pydl.tensor([[[[1.0, 2.0], [3.0, 9.0]], [[9.0, 4.0], [5.0, 6.0]]]], requires_grad=True)
    y, indices = max_pool3d(x, 2, return_indices=True)
    assert y.tolist() == [[[[9.0]]]]
    assert indices.tolist() == [[[[3]]]]  # the first of the nines
    y.backward(np.array([[[[2.0]]]]))
    assert x.grad.tolist() == [[[[0.0, 0.0], [0.0, 2.0]], [[0.0, 0.0], [0.0, 0.0]]]]


CASES = [
    # shape of x, then kernel_size, stride, padding, dilation, ceil_mode
    ((1, 2, 5, 6, 9), [2]),
    ((2, 2, 6, 7, 20), [3, 2, 1, 1, False]),
    ((1, 3, 7, 6, 19), [3, 2, 1, (1, 2, 1), True]),
    ((2, 5, 6, 8), [(1, 2, 3), (2, 1, 1), (0, 1, 1)]),
    ((2, 2, 4, 8, 8), [2, 2, 0]),
    ((0, 3, 4, 4, 4), [2]),
    ((2, 3, 4, 5, 6), [(4, 5, 6)]),
    ((1, 2, 9, 9, 9), [7, 1, 3]),
    ((3, 2, 3, 3, 3), [3, 1, 1]),
    ((3, 2, 6, 15, 30), [2]),  # slices first
    ((2, 3, 7, 15, 28), [3, 2, 1]),
    ((2, 2, 5, 9, 20), [(2, 3, 3), 1, 1]),
    ((1, 2, 7, 8, 26), [(3, 2, 2), 2, 0, (2, 1, 1)]),
    ((2, 2, 1, 4, 5), [(2, 1, 1), 1, (1, 0, 0)]),  # one slice, of two windows
]


@pytest.mark.parametrize(("shape", "settings"), CASES, ids=str)
def test_torch(shape, settings):
    poolings.check_against_torch(max_pool3d, shape, settings)


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize(("shape", "settings"), CASES, ids=str)
def test_torch_indices(shape, settings, special):
    poolings.check_indices(max_pool3d, shape, settings, special)


@pytest.mark.parametrize(("shape", "settings"), [((1, 1, 3, 4, 3), [2, 1]), ((1, 2, 3, 3, 4), [3, 2, 1])], ids=str)
def test_gradient(shape, settings):
    poolings.check_pooling_gradient(max_pool3d, shape, settings)


def test_any_strides():
    poolings.check_any_strides(max_pool3d, (1, 2, 5, 6, 9), 2, return_indices=True)


X = np.zeros((1, 2, 5, 6, 9), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    poolings.wrong_calls(max_pool3d, X, "(N, C, D, H, W) or (C, D, H, W)", "one integer or three"),
)
def test_refuses(call, error, message):
    check_refused(call, error, f"max_pool3d: {message}")
