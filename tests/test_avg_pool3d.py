import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl.ops.avg_pool3d import avg_pool3d, avg_pool3d_backward, avg_pool3d_forward

RNG = np.random.default_rng(0)


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
]


@pytest.mark.parametrize(("shape", "settings"), CASES, ids=str)
def test_torch(shape, settings):
    torch = pytest.importorskip("torch")
    x = RNG.permutation(int(np.prod(shape))).reshape(shape) / 7.0
    check_torch(lambda x: avg_pool3d(x, *settings), lambda x: torch.nn.functional.avg_pool3d(x, *settings), x)


@pytest.mark.parametrize(("shape", "settings"), [((1, 1, 3, 4, 3), [2, 1]), ((1, 2, 3, 3, 4), [3, 2, 1])], ids=str)
def test_gradient(shape, settings):
    x = RNG.permutation(int(np.prod(shape))).reshape(shape) / 10.0
    check_gradient(lambda x: avg_pool3d(x, *settings), x)


def test_any_strides():
    x = RNG.standard_normal((1, 2, 5, 6, 9)).astype(np.float32)
    view = x.swapaxes(0, 1)[..., ::-1]
    np.testing.assert_array_equal(avg_pool3d(view, 2).numpy(), avg_pool3d(view.copy(), 2).numpy())


X = np.zeros((1, 2, 5, 6, 9), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: avg_pool3d(X, 3, padding=2),
            ValueError,
            "padding is 2 but may be at most half the kernel size (3, 3, 3)",
        ),
        (
            lambda: avg_pool3d(X, 30),
            ValueError,
            "kernel size (30, 30, 30) with dilation (1, 1, 1) is larger than the input",
        ),
        (lambda: avg_pool3d(X, 0), ValueError, "kernel_size must be at least 1, not 0"),
        (lambda: avg_pool3d(X, 2, 0), ValueError, "stride must be at least 1, not 0"),
        (lambda: avg_pool3d(X, 2.0), TypeError, "kernel_size must be an integer, not 2.0"),
        (lambda: avg_pool3d(X, (2, 2)), ValueError, "kernel_size must be one integer or three, not (2, 2)"),
        (
            lambda: avg_pool3d(X[0, 0], 2),
            ValueError,
            "input must be (N, C, D, H, W) or (C, D, H, W), but has shape",
        ),
        (
            lambda: avg_pool3d(X.astype(int), 2),
            TypeError,
            "input has dtype int64 but must be float32 or float64",
        ),
        (
            lambda: avg_pool3d(X, 2, ceil_mode="yes"),
            TypeError,
            "ceil_mode must be True or False, not 'yes'",
        ),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert f"avg_pool3d: {message}" in str(raised.value)
