import numpy as np
import poolings
import pytest
from checks import check_kernel, check_refused

import pydl
from pydl.ops.adaptive_max_pool3d import adaptive_max_pool3d, adaptive_max_pool3d_backward, adaptive_max_pool3d_forward


@pytest.mark.parametrize("kernel", [adaptive_max_pool3d_forward, adaptive_max_pool3d_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=60)


def test_worked_by_hand():
    x = pydl.tensor([[[[1.0, 4.0, 2.0, 3.0, 5.0]]]], requires_grad=True)
    y, indices = adaptive_max_pool3d(x, (1, 1, 2), return_indices=True)
    assert y.tolist() == [[[[4.0, 5.0]]]]  # of 1 4 2 and 2 3 5
    assert indices.tolist() == [[[[1, 4]]]]
    y.backward(np.array([[[[1.0, 2.0]]]]))
    assert x.grad.tolist() == [[[[0.0, 1.0, 0.0, 0.0, 2.0]]]]


CASES = [
    # shape of x, output_size
    ((2, 3, 4, 5, 6), 1),
    ((2, 3, 5, 7, 9), (2, 3, 4)),
    ((2, 3, 4, 6, 8), (2, 3, 4)),
    ((3, 4, 5, 20), (None, 2, None)),
    ((1, 2, 2, 2, 3), (3, 2, 5)),
    ((0, 3, 2, 6, 6), 2),
]


@pytest.mark.parametrize(("shape", "size"), CASES, ids=str)
def test_torch(shape, size):
    poolings.check_against_torch(adaptive_max_pool3d, shape, [size])


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize(("shape", "size"), CASES, ids=str)
def test_torch_indices(shape, size, special):
    poolings.check_indices(adaptive_max_pool3d, shape, [size], special)


def test_gradient():
    poolings.check_pooling_gradient(adaptive_max_pool3d, (1, 2, 3, 4, 3), [(2, 3, 1)])


def test_any_strides():
    for size in (1, 2):
        poolings.check_any_strides(adaptive_max_pool3d, (1, 2, 5, 6, 9), size, return_indices=True)


X = np.zeros((1, 2, 5, 6, 9), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    poolings.wrong_adaptive_calls(adaptive_max_pool3d, X, "(N, C, D, H, W) or (C, D, H, W)", "one integer or three"),
)
def test_refuses(call, error, message):
    check_refused(call, error, f"adaptive_max_pool3d: {message}")
