import numpy as np
import pytest
from checks import check_elementwise, check_kernel, torch

from pydl.ops.gelu import gelu, gelu_backward, gelu_forward

X = np.array([[-2.0, -0.5, 0.25], [3.0, -1.0, 0.75]])


@pytest.mark.parametrize("kernel", [gelu_forward, gelu_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_gradient_and_torch():
    check_elementwise(gelu, torch.nn.functional.gelu, X)
    check_elementwise(gelu, torch.nn.functional.gelu, X, approximate="tanh")


def test_special_values():
    x = np.array([np.nan, np.inf, 0.0, 100.0, -100.0, 1e30])
    for approximate in ("none", "tanh"):
        y = gelu(x, approximate=approximate).numpy()
        np.testing.assert_array_equal(y, [np.nan, np.inf, 0.0, 100.0, 0.0, 1e30])


def test_refuses():
    with pytest.raises(TypeError, match="gelu: input has dtype int64 but must be float32 or float64"):
        gelu(np.array([1]))
    with pytest.raises(ValueError, match="gelu: approximate must be 'none' or 'tanh', not 'erf'"):
        gelu(X, approximate="erf")
