import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl.ops.relu import relu, relu_backward, relu_forward

X = np.array([[-2.0, -0.5, 0.25], [3.0, -1.0, 0.75]])


@pytest.mark.parametrize("kernel", [relu_forward, relu_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_worked_by_hand():
    x = pydl.tensor([-1.0, 0.0, 2.0], requires_grad=True)
    y = relu(x)
    y.backward(np.array([5.0, 6.0, 7.0]))
    assert y.tolist() == [0.0, 0.0, 2.0]
    assert x.grad.tolist() == [0.0, 0.0, 7.0]


def test_gradient():
    check_gradient(relu, X)


def test_torch():
    check_torch(relu, lambda x: x.relu(), X)


def test_special_values():
    y = relu(np.array([np.nan, np.inf, -np.inf, -0.0], np.float32)).numpy()
    np.testing.assert_array_equal(y, [np.nan, np.inf, 0.0, 0.0])


@pytest.mark.parametrize(
    ("argument", "error", "message"),
    [
        (np.array([1, 2]), TypeError, "relu: input has dtype int64 but must be float32 or float64"),
        (np.array([1.0], ">f4"), TypeError, "relu: input has foreign byte order"),
        ("text", TypeError, "relu: input must be a tensor or an array, not str"),
    ],
)
def test_refuses(argument, error, message):
    with pytest.raises(error, match=message):
        relu(argument)
