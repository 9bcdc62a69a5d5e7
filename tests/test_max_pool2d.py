import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl.ops.max_pool2d import max_pool2d, max_pool2d_backward, max_pool2d_forward

RNG = np.random.default_rng(0)

# shape of x, then kernel_size, stride, padding, dilation, ceil_mode
CASES = [
    ((2, 3, 8, 8), 2, None, 0, 1, False),
    ((2, 3, 7, 67), 2, 2, 0, 1, False),
    ((2, 3, 7, 67), 2, 2, 0, 1, True),
    ((1, 2, 9, 37), 3, 2, 1, 1, False),
    ((1, 2, 8, 36), 3, 2, 1, 1, True),
    ((2, 1, 10, 23), (3, 5), (1, 3), (1, 2), (2, 1), False),
    ((2, 1, 11, 40), (2, 3), (3, 1), (0, 1), (3, 2), True),
    ((1, 1, 40, 35), (20, 17), (5, 6), (3, 2), 1, False),  # 340 elements: more than one byte can number
    ((3, 9, 9), 3, 3, 1, 1, False),
    ((1, 1, 1, 1), 1, 1, 0, 1, False),
    ((0, 3, 6, 6), 2, 2, 0, 1, False),
    ((1, 1, 2, 2), 3, 2, 0, 1, True),
]


@pytest.mark.parametrize("kernel", [max_pool2d_forward, max_pool2d_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=60)


def test_worked_by_hand():
    x = pydl.tensor([[[1.0, 2.0, 5.0, 0.0], [4.0, 3.0, 5.0, 1.0]]], requires_grad=True)
    y, indices = max_pool2d(x, 2, return_indices=True)
    assert y.tolist() == [[[4.0, 5.0]]]
    assert indices.tolist() == [[[4, 2]]]  # the upper one of the two fives
    assert indices.dtype == np.int64
    y.backward(np.array([[[10.0, 20.0]]]))
    assert x.grad.tolist() == [[[0.0, 0.0, 20.0, 0.0], [10.0, 0.0, 0.0, 0.0]]]


def test_overlapping_windows_add_their_gradients():
    x = pydl.tensor([[[0.0, 9.0, 0.0]]], requires_grad=True)
    max_pool2d(x, (1, 2), 1).backward(np.array([[[1.0, 2.0]]]))
    assert x.grad.tolist() == [[[0.0, 3.0, 0.0]]]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_torch(case):
    shape, *settings = case
    torch = pytest.importorskip("torch")
    x = RNG.permutation(int(np.prod(shape))).reshape(shape).astype(np.float64)
    check_torch(lambda x: max_pool2d(x, *settings), lambda x: torch_pool(torch, x, settings), x)


def torch_pool(torch, x, settings, return_indices=False):
    kernel_size, stride, padding, dilation, ceil_mode = settings
    return torch.nn.functional.max_pool2d(
        x, kernel_size, stride, padding, dilation, ceil_mode, return_indices=return_indices
    )


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("values", ["ties", "special"])
def test_torch_indices(case, values):
    shape, *settings = case
    torch = pytest.importorskip("torch")
    x = RNG.integers(0, 3, shape).astype(np.float32)
    if values == "special":
        odd = RNG.random(shape)
        x[odd < 0.1], x[(odd > 0.1) & (odd < 0.3)], x[odd > 0.9] = np.nan, -np.inf, np.inf
    y, indices = max_pool2d(x, *settings, return_indices=True)
    z, positions = torch_pool(torch, torch.tensor(x), settings, return_indices=True)
    np.testing.assert_array_equal(y.numpy(), z.numpy())
    np.testing.assert_array_equal(indices.numpy(), positions.numpy())


@pytest.mark.parametrize(
    "settings", [(2,), (3, 2, 1), ((1, 3), (1, 2), (0, 1), (1, 2)), (3, 2, 0, 1, True), (17, 1)], ids=str
)
def test_gradient(settings):
    size = 18 if settings[0] == 17 else 5
    x = RNG.permutation(2 * size * size).reshape(1, 2, size, size) / 100.0
    check_gradient(lambda x: max_pool2d(x, *settings), x)


def test_gradient_through_indices_too():
    check_gradient(lambda x: max_pool2d(x, 2, return_indices=True)[0], RNG.permutation(32).reshape(2, 4, 4) / 10.0)


@pytest.mark.parametrize(
    "view",
    [lambda x: x[::-1, :, ::2, ::-1], lambda x: x.transpose(1, 0, 3, 2), lambda x: x[:, :1].repeat(2, 1)],
    ids=["reversed", "transposed", "repeated"],
)
def test_any_strides(view):
    x = view(RNG.standard_normal((2, 3, 12, 40)).astype(np.float32))
    y, indices = max_pool2d(x, 2, return_indices=True)
    want, positions = max_pool2d(np.ascontiguousarray(x), 2, return_indices=True)
    np.testing.assert_array_equal(y.numpy(), want.numpy())
    np.testing.assert_array_equal(indices.numpy(), positions.numpy())


def test_all_infinite_window_has_its_first_element():
    y, indices = max_pool2d(np.full((1, 3, 3), -np.inf, np.float32), 3, 1, 1, return_indices=True)
    assert (y.numpy() == -np.inf).all()
    assert indices.tolist() == [[[0, 0, 1], [0, 0, 1], [3, 3, 4]]]


X = np.zeros((1, 2, 5, 6), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: max_pool2d(X, 3, padding=2),
            ValueError,
            "padding is 2 but may be at most half the kernel size (3, 3)",
        ),
        (lambda: max_pool2d(X, 7), ValueError, "kernel size (7, 7) with dilation (1, 1) is larger than the input with"),
        (
            lambda: max_pool2d(X, 3, dilation=4),
            ValueError,
            "larger than the input with its padding (input (1, 2, 5, 6)",
        ),
        (lambda: max_pool2d(X, 0), ValueError, "max_pool2d: kernel_size must be at least 1, not 0"),
        (lambda: max_pool2d(X, 2, 0), ValueError, "max_pool2d: stride must be at least 1, not 0"),
        (lambda: max_pool2d(X, 2, padding=-1), ValueError, "max_pool2d: padding must be at least 0, not -1"),
        (lambda: max_pool2d(X, 2, dilation=0), ValueError, "max_pool2d: dilation must be at least 1, not 0"),
        (lambda: max_pool2d(X, 2.0), TypeError, "max_pool2d: kernel_size must be an integer, not 2.0"),
        (lambda: max_pool2d(X, (2, 2, 2)), ValueError, "kernel_size must be one integer or two, not (2, 2, 2)"),
        (lambda: max_pool2d(X[0, 0], 2), ValueError, "input must be (N, C, H, W) or (C, H, W), but has shape (5, 6)"),
        (lambda: max_pool2d(X.astype(int), 2), TypeError, "input has dtype int64 but must be float32 or float64"),
        (lambda: max_pool2d(X[:, :, :0], 1), ValueError, "is larger than the input with its padding"),
        (lambda: max_pool2d(X[:, :, :2], (3, 1), 5, (1, 0), (3, 1), True), ValueError, "sees nothing but padding"),
        (lambda: max_pool2d(X, 2**31), ValueError, "max_pool2d: kernel_size is too large"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert message in str(raised.value)


def test_kernels_cannot_leave_their_arrays():
    window, dx = np.full((1, 2, 2, 3), 255, np.uint8), np.zeros((1, 2, 5, 6), np.float32)
    dy, geometry = np.ones((1, 2, 2, 3), np.float32), ((2, 2), (2, 2), (0, 0), (1, 1))
    max_pool2d_backward.native(dy, window, None, dx, *geometry)  # no such element: no gradient
    assert not dx.any()
    max_pool2d_backward.native(dy, None, np.full((1, 2, 2, 3), 10**15), dx, *geometry)
    assert not dx.any()
    for wrong in (
        ((2, 2), (9, 2), (0, 0), (1, 1)),
        ((0, 2), (2, 2), (0, 0), (1, 1)),
        ((2, 2), (2, 2), (0, 0), (1, -1)),
    ):
        with pytest.raises(ValueError, match="pooling: "):
            max_pool2d_backward.native(dy, window, None, dx, *wrong)
