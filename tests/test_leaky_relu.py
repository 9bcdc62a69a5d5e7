import numpy as np
import pytest
from checks import check_elementwise, check_kernel, check_special_values, torch

from pydl.ops.leaky_relu import leaky_relu, leaky_relu_backward, leaky_relu_forward

X = np.array([[-2.0, -0.5, 0.25], [3.0, -1.0, 0.75]])


@pytest.mark.parametrize("kernel", [leaky_relu_forward, leaky_relu_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_gradient_and_torch():
    check_elementwise(leaky_relu, torch.nn.functional.leaky_relu, X)
    check_elementwise(leaky_relu, torch.nn.functional.leaky_relu, X, negative_slope=0.3)


def test_special_values():
    check_special_values(leaky_relu, torch.nn.functional.leaky_relu)


def test_refuses():
    with pytest.raises(TypeError, match="leaky_relu: input has dtype int64 but must be float32 or float64"):
        leaky_relu(np.array([1]))
    with pytest.raises(TypeError, match="leaky_relu: negative_slope must be a number, not 'big'"):
        leaky_relu(X, negative_slope="big")
