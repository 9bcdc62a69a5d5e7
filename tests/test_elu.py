import numpy as np
import pytest
from checks import check_elementwise, check_kernel, check_special_values, torch

from pydl.ops.elu import elu, elu_backward, elu_forward

X = np.array([[-2.0, -0.5, 0.25], [3.0, -1.0, 0.75]])


@pytest.mark.parametrize("kernel", [elu_forward, elu_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_gradient_and_torch():
    check_elementwise(elu, torch.nn.functional.elu, X)
    check_elementwise(elu, torch.nn.functional.elu, X, alpha=0.3)


def test_special_values():
    check_special_values(elu, torch.nn.functional.elu)


def test_refuses():
    with pytest.raises(TypeError, match="elu: input has dtype int64 but must be float32 or float64"):
        elu(np.array([1]))
    with pytest.raises(TypeError, match="elu: alpha must be a number, not 'big'"):
        elu(X, alpha="big")
