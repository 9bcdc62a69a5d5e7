import numpy as np
import pytest
from checks import check_elementwise, check_kernel, check_special_values, torch

from pydl.ops.elu import celu, elu, elu_backward, elu_forward, selu

X = np.array([[-2.0, -0.5, 0.25], [3.0, -1.0, 0.75]])


@pytest.mark.parametrize("kernel", [elu_forward, elu_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_gradient_and_torch():
    check_elementwise(elu, torch.nn.functional.elu, X)
    check_elementwise(elu, torch.nn.functional.elu, X, alpha=0.3)
    check_elementwise(selu, torch.nn.functional.selu, X)
    check_elementwise(celu, torch.nn.functional.celu, X)
    check_elementwise(celu, torch.nn.functional.celu, X, alpha=0.25)


def test_selu_keeps_mean_and_variance():
    z = selu(np.random.default_rng(0).standard_normal(400_000)).numpy()
    assert abs(z.mean()) < 0.01
    assert abs(z.var() - 1) < 0.01


def test_special_values():
    check_special_values(elu, torch.nn.functional.elu)
    check_special_values(selu, torch.nn.functional.selu)


def test_refuses():
    with pytest.raises(TypeError, match="elu: input has dtype int64 but must be float32 or float64"):
        elu(np.array([1]))
    with pytest.raises(TypeError, match="elu: alpha must be a number, not 'big'"):
        elu(X, alpha="big")
    with pytest.raises(ValueError, match="celu: alpha must not be 0"):
        celu(X, alpha=0)
