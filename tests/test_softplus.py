import numpy as np
import pytest
from checks import check_elementwise, check_kernel, check_special_values, torch

from pydl import _native
from pydl.op import native_isa
from pydl.ops.softplus import softplus, softplus_backward, softplus_forward

X = np.array([[-2.0, -0.5, 0.25], [3.0, -1.0, 0.75]])


@pytest.mark.parametrize("kernel", [softplus_forward, softplus_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_gradient_and_torch():
    check_elementwise(softplus, torch.nn.functional.softplus, X)
    check_elementwise(softplus, torch.nn.functional.softplus, X, beta=2.0, threshold=1.0)
    check_elementwise(softplus, torch.nn.functional.softplus, X, beta=0.5, threshold=100.0)


@pytest.mark.parametrize("isa", _native.isas)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_small_results_keep_their_digits(isa, dtype):
    x = np.linspace(-80, 5, 1001).astype(dtype)
    with native_isa(isa):
        y = softplus(x).numpy()
    np.testing.assert_allclose(y, np.log1p(np.exp(x.astype(np.float64))), rtol=3 * np.finfo(dtype).eps)


def test_special_values():
    check_special_values(softplus, torch.nn.functional.softplus)


def test_refuses():
    with pytest.raises(TypeError, match="softplus: input has dtype int64 but must be float32 or float64"):
        softplus(np.array([1]))
    with pytest.raises(TypeError, match="softplus: beta must be a number, not 'big'"):
        softplus(X, beta="big")
