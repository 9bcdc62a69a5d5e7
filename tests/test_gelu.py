import math

import numpy as np
import pytest
from checks import check_elementwise, check_kernel, torch

from pydl import _native
from pydl.op import native_isa
from pydl.ops.gelu import gelu, gelu_backward, gelu_forward

X = np.array([[-2.0, -0.5, 0.25], [3.0, -1.0, 0.75]])


@pytest.mark.parametrize("kernel", [gelu_forward, gelu_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_gradient_and_torch():
    check_elementwise(gelu, torch.nn.functional.gelu, X)
    check_elementwise(gelu, torch.nn.functional.gelu, X, approximate="tanh")


@pytest.mark.parametrize("isa", _native.isas)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_small_results_keep_their_digits(isa, dtype):
    x = np.linspace(-9, 3, 1001).astype(dtype)
    want = [each / 2 * math.erfc(-each / math.sqrt(2)) for each in x.tolist()]
    with native_isa(isa):
        y = gelu(x).numpy()
    np.testing.assert_allclose(y, want, rtol=3e-6 if dtype == np.float32 else 3e-14)


def test_special_values():
    x = np.array([np.nan, np.inf, 0.0, 100.0, -100.0, 1e30])
    for approximate in ("none", "tanh"):
        y = gelu(x, approximate=approximate).numpy()
        np.testing.assert_array_equal(y, [np.nan, np.inf, 0.0, 100.0, 0.0, 1e30])
        assert math.copysign(1, gelu(np.array(-0.0), approximate=approximate).item()) == -1
        assert np.isnan(gelu(np.array(-np.inf), approximate=approximate).item())  # as in PyTorch


def test_refuses():
    with pytest.raises(TypeError, match="gelu: input has dtype int64 but must be float32 or float64"):
        gelu(np.array([1]))
    with pytest.raises(ValueError, match="gelu: approximate must be 'none' or 'tanh', not 'erf'"):
        gelu(X, approximate="erf")
