import sys

import numpy as np
import poolings
import pytest
from checks import check_gradient, check_kernel, check_refused

import pydl
from pydl.ops.max_pool2d import max_pool2d, max_pool2d_backward, max_pool2d_forward

# shape of x, then kernel_size, stride, padding, dilation, ceil_mode
CASES = [
    ((2, 3, 8, 8), 2, None, 0, 1, False),
    ((2, 3, 7, 67), 2, 2, 0, 1, False),
    ((2, 3, 7, 67), 2, 2, 0, 1, True),
    ((1, 2, 9, 37), 3, 2, 1, 1, False),
    ((1, 2, 8, 36), 3, 2, 1, 1, True),
    ((1, 2, 9, 35), 3, 1, 1, 1, False),
    ((1, 2, 8, 35), 2, 2, 1, 1, True),
    ((1, 2, 8, 21), 2, 1, 0, 1, False),
    ((1, 1, 150, 60), 3, 1, 1, 1, False),  # bands of rows
    ((2, 3, 9, 33), 3, 2, 1, 1, False),  # two vectors of windows, of which the second has one
    ((2, 3, 8, 65), 3, 2, 0, 1, True),
    ((2, 2, 75, 130), 3, 2, 1, 1, False),  # several bands of several strips
    ((3, 1, 61, 70), 2, 2, 1, 1, True),
    ((2, 3, 7, 32), 3, 1, 1, 1, False),
    ((5, 3, 14, 14), 3, 2, 1, 1, False),  # two planes share a vector, the last has one for itself
    ((3, 5, 13, 17), 3, 2, 0, 1, True),
    ((7, 3, 15, 11), 2, 2, 0, 1, False),
    ((4, 30, 17, 28), 2, 2, 0, 1, False),  # many planes at once
    ((2, 40, 12, 30), 3, 2, 1, 1, False),
    ((3, 7, 9, 10), 3, 1, 1, 1, False),
    ((2, 2, 9, 225), 3, 2, 1, 1, False),
    ((2, 3, 6, 50), 2, 1, 1, 1, False),
    ((1, 3, 40, 49), 3, 3, 1, 1, False),
    ((1, 2, 30, 99), (7, 5), (4, 8), (3, 2), 1, True),
    ((1, 2, 21, 64), (4, 3), (3, 5), 1, (2, 3), False),
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
    poolings.check_against_torch(max_pool2d, shape, settings)


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("special", [False, True])
def test_torch_indices(case, special):
    shape, *settings = case
    poolings.check_indices(max_pool2d, shape, settings, special)


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("special", [False, True])
def test_maxima_alone_are_those_with_indices(case, special):
    shape, *settings = case
    x = poolings.equal_numbers(shape, special)
    with pydl.no_grad():
        alone, (y, _) = max_pool2d(x, *settings), max_pool2d(x, *settings, return_indices=True)
    np.testing.assert_array_equal(alone.numpy(), y.numpy())


@pytest.mark.parametrize(
    "settings", [(2,), (3, 2, 1), ((1, 3), (1, 2), (0, 1), (1, 2)), (3, 2, 0, 1, True), (17, 1)], ids=str
)
def test_gradient(settings):
    size = 18 if settings[0] == 17 else 5
    poolings.check_pooling_gradient(max_pool2d, (1, 2, size, size), settings)


def test_gradient_through_indices_too():
    check_gradient(lambda x: max_pool2d(x, 2, return_indices=True)[0], poolings.different_numbers((2, 4, 4)))


@pytest.mark.parametrize("settings", [(2,), (3, 2, 1), (2, 1, 1, 2)], ids=str)
def test_any_strides(settings):
    poolings.check_any_strides(max_pool2d, (2, 3, 12, 40), *settings, return_indices=True)


def test_all_infinite_window_has_its_first_element():
    y, indices = max_pool2d(np.full((1, 3, 3), -np.inf, np.float32), 3, 1, 1, return_indices=True)
    assert (y.numpy() == -np.inf).all()
    assert indices.tolist() == [[[0, 0, 1], [0, 0, 1], [3, 3, 4]]]


def test_numbers_too_large_to_be_added():
    x = np.full((1, 1, 9, 40), -3e38, np.float32)
    x[..., 4, ::3] = 3e38
    y, indices = max_pool2d(x, 3, 2, 1, return_indices=True)
    with pydl.no_grad():
        alone = max_pool2d(x, 3, 2, 1)
    want = np.where(np.isin(np.arange(5), [2])[:, None], 3e38, -3e38)
    np.testing.assert_array_equal(alone.numpy()[0, 0], np.broadcast_to(want, (5, 20)).astype(np.float32))
    np.testing.assert_array_equal(x.ravel()[indices.numpy()], y.numpy())


X = np.zeros((1, 2, 5, 6), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        *poolings.wrong_calls(max_pool2d, X, "(N, C, H, W) or (C, H, W)", "one integer or two"),
        (
            lambda: max_pool2d(X, 3, dilation=4),
            ValueError,
            "kernel size (3, 3) with dilation (4, 4) is larger than the input with its padding (input (1, 2, 5, 6)",
        ),
        (lambda: max_pool2d(X, 2, dilation=0), ValueError, "dilation must be at least 1, not 0"),
        (lambda: max_pool2d(X[:, :, :0], 1), ValueError, "kernel size (1, 1) with dilation (1, 1) is larger than"),
        (
            lambda: max_pool2d(X[:, :, :2], (3, 1), 5, (1, 0), (3, 1), True),
            ValueError,
            "a window sees nothing but padding",
        ),
        (lambda: max_pool2d(X, 2**31), ValueError, "kernel_size is too large"),
    ],
)
def test_refuses(call, error, message):
    check_refused(call, error, f"max_pool2d: {message}")


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


def test_the_winners_numbers_are_kept_for_a_gradient_alone(monkeypatch):
    given = []

    def forward(x, y, window, *rest):
        given.append(window)
        max_pool2d_forward(x, y, window, *rest)

    monkeypatch.setattr(sys.modules["pydl.ops.max_pool2d"], "max_pool2d_forward", forward)
    x = pydl.randn(1, 2, 9, 40, requires_grad=True)
    y = max_pool2d(x, 3, 2, 1)
    with pydl.no_grad():
        z = max_pool2d(x, 3, 2, 1)
    max_pool2d(x.detach(), 3, 2, 1)
    assert given[0] is not None
    assert given[1] is given[2] is None
    assert np.array_equal(y.data, z.data)
