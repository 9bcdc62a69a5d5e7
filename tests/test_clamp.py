import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_special_values, check_torch, torch

import pydl
from pydl.ops.clamp import clamp, clamp_backward, clamp_forward

X = np.array([[-2.0, -0.5, 0.25], [3.0, -1.0, 0.75]])
LIMITS = [{"min": -0.75}, {"max": 0.5}, {"min": -0.75, "max": 0.5}, {"min": 1.0, "max": -1.0}]


@pytest.mark.parametrize("kernel", [clamp_forward, clamp_backward], ids=lambda kernel: kernel.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


@pytest.mark.parametrize("limits", LIMITS)
def test_gradient_and_torch(limits):
    check_gradient(lambda x: clamp(x, **limits), X)
    check_torch(lambda x: clamp(x, **limits), lambda x: torch.clamp(x, **limits), X)
    check_special_values(lambda x: clamp(x, **limits), lambda x: torch.clamp(x, **limits))


def test_the_limits_themselves_have_a_gradient():
    x = pydl.tensor([0.0, 0.1, 1.0, 1.5], requires_grad=True)
    x.clip(0.1, 1).backward(np.ones(4))
    assert x.grad.tolist() == [0.0, 1.0, 1.0, 0.0]


def test_integers():
    assert clamp(pydl.tensor([1, 5, 9]), 2, 7).tolist() == [2, 5, 7]
    assert clamp(pydl.tensor([1, 5]), min=1.5).tolist() == [1.5, 5.0]


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8])
def test_arrays_of_integers(dtype):
    x = np.arange(120).reshape(8, 15).astype(dtype)
    for view in (x, x.T, x[:, ::-2], x[:0], x[3, 4]):
        for limits in ({"min": 7}, {"max": 30}, {"min": 7, "max": 30}, {"min": 30, "max": 7}):
            got = clamp(view, **limits)
            assert got.dtype == dtype
            np.testing.assert_array_equal(got.numpy(), torch.clamp(torch.tensor(view.copy()), **limits).numpy())


def test_a_limit_that_is_no_number():
    for limits in ({"min": np.nan}, {"max": np.nan}):
        check_torch(lambda x, limits=limits: clamp(x, **limits), lambda x, limits=limits: torch.clamp(x, **limits), X)


LOW, HIGH = np.array([-0.6, 0.0, 0.5]), np.array([[1.0], [0.3]])


@pytest.mark.parametrize("limits", [("min",), ("max",), ("min", "max"), ("max", "min")], ids=str)
def test_limits_that_are_tensors(limits):
    def call(clamp):
        return lambda x, *given: clamp(x, **dict(zip(limits, given, strict=True)))

    given = [LOW, HIGH][: len(limits)]
    check_gradient(call(clamp), X, *given)
    check_torch(call(clamp), call(torch.clamp), X, *given)
    special = np.array([np.nan, np.inf, -np.inf, 1.0])
    check_torch(call(clamp), call(torch.clamp), np.repeat(special, 4), *[np.tile(special, 4)] * len(limits))


def test_one_limit_is_a_tensor():
    check_torch(lambda x, h: clamp(x, -0.5, h), lambda x, h: torch.clamp(x, torch.tensor(-0.5), h), X, HIGH)
    y = clamp(pydl.tensor([1, 5, 9]), max=pydl.tensor([3, 3, 10]))
    assert (y.tolist(), y.dtype) == ([1, 3, 9], np.int64)


def test_in_place():
    x = pydl.tensor(X, requires_grad=True)
    y = x * 2
    y.clamp_(-1, 1)
    y.sum().backward()
    assert y.tolist() == np.clip(2 * X, -1, 1).tolist()
    assert x.grad.tolist() == [[0, 2, 2], [0, 0, 0]]


def test_refuses():
    with pytest.raises(ValueError, match="clamp: min and max are both None"):
        clamp(X)
    with pytest.raises(TypeError, match="clamp: min must be a number, not 'low'"):
        clamp(X, min="low")
    with pytest.raises(ValueError, match=r"clamp: shapes \(2, 3\) and \(4,\) do not broadcast together"):
        clamp(X, min=np.ones(4))
