import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl.ops.amax import amax, amax_backward, amax_forward, amin, amin_forward
from pydl.ops.argmax import argmax, argmax_forward, argmin, argmin_forward

rng = np.random.default_rng(0)
X = rng.standard_normal((3, 4, 2))
TIES = np.array([[1.0, 3.0, 3.0], [2.0, 3.0, 0.0]])
KERNELS = [amax_forward, amin_forward, amax_backward, argmax_forward, argmin_forward]


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=40)


def test_worked_by_hand():
    x = pydl.tensor(TIES, requires_grad=True)
    values, indices = x.max(1)
    assert (values.tolist(), indices.tolist()) == ([3, 3], [1, 1])
    values.backward(np.array([10.0, 20.0]))
    assert x.grad.tolist() == [[0, 10, 0], [0, 20, 0]]
    x.grad = None
    x.max().backward()
    assert x.grad.tolist() == [[0, 1 / 3, 1 / 3], [0, 1 / 3, 0]]


@pytest.mark.parametrize("dim", [None, 0, -1, (0, 2)])
@pytest.mark.parametrize("f", [amax, amin], ids=["amax", "amin"])
def test_gradient(f, dim):
    check_gradient(lambda x: f(x, dim), X)


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("x", [X, np.round(X)], ids=["distinct", "ties"])
def test_torch_along(name, dim, keepdim, x):
    check_torch(lambda x: getattr(x, name)(dim, keepdim)[0], lambda x: getattr(x, name)(dim, keepdim)[0], x)


@pytest.mark.parametrize("name", ["max", "min", "amax", "amin"])
def test_torch_of_all(name):
    check_torch(lambda x: getattr(x, name)(), lambda x: getattr(x, name)(), np.round(X))


@pytest.mark.parametrize("dim", [0, (0, 1), (1, 2)])
def test_torch_amax(dim):
    check_torch(lambda x: x.amax(dim), lambda x: x.amax(dim), np.round(X))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.int8])
def test_indices_are_numpys(dtype):
    x = rng.integers(-9, 9, (4, 70, 33)).astype(dtype)
    for layout in (x, x.T, x[::-1, ::-2]):
        for dim in (0, 1, 2, None):
            np.testing.assert_array_equal(argmax(layout, dim).numpy(), np.argmax(layout, dim))
            np.testing.assert_array_equal(argmin(layout, dim).numpy(), np.argmin(layout, dim))
    assert argmax(x, 1).dtype == np.int64
    assert argmax(x, 1, keepdim=True).shape == (4, 1, 33)
    assert argmax(x, keepdim=True).shape == (1, 1, 1)


def test_one_long_row():
    x = rng.integers(0, 1000, 200_001).astype(np.float32)
    for threads in (1, 2, 3):
        before = pydl.get_num_threads()
        pydl.set_num_threads(threads)
        assert argmax(x).item() == np.argmax(x)
        assert amin(x).item() == 0
        pydl.set_num_threads(before)
    x[150_000] = np.nan
    x[190_000] = np.nan
    assert argmax(x).item() == argmin(x).item() == 150_000
    assert np.isnan(amax(x).item())
    assert np.isnan(amin(x).item())


def test_the_gradient_of_nan_goes_to_nan():
    x = pydl.tensor([1.0, np.nan, np.nan], requires_grad=True)
    x.max().backward()
    assert x.grad.tolist() == [0, 0.5, 0.5]


def test_integers_and_numbers():
    assert pydl.tensor([3, 5, 4]).max().item() == 5
    assert pydl.tensor([[True, False]]).amin(1).tolist() == [False]
    values, indices = pydl.tensor(2.5).max(0)
    assert (values.item(), indices.item()) == (2.5, 0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: amax(np.zeros((0, 2))), ValueError, r"amax: input has shape \(0, 2\), and nothing has no largest"),
        (lambda: argmin(np.zeros((3, 0)), 1), ValueError, r"argmin: input has shape \(3, 0\)"),
        (lambda: pydl.tensor([]).max(0), ValueError, "max: input has shape"),
        (lambda: argmax(X, 5), IndexError, "argmax: dim is 5, but the input has 3 dimensions"),
        (lambda: amin(X, (1, 1)), ValueError, "amin: dim .* names a dimension twice"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_only_the_reduced_dimension_must_hold_something():
    assert amax(np.zeros((0, 2)), 1).shape == (0,)
    assert argmax(np.zeros((0, 2)), 1).shape == (0,)
