import numpy as np
import pytest
from checks import check_elementwise, check_kernel, check_special_values, torch

from pydl.ops.silu import silu, silu_backward, silu_forward

X = np.array([[-2.0, -0.5, 0.25], [3.0, -1.0, 0.75]])


@pytest.mark.parametrize("kernel", [silu_forward, silu_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_gradient_and_torch():
    check_elementwise(silu, torch.nn.functional.silu, X)


def test_special_values():
    check_special_values(silu, torch.nn.functional.silu)


def test_refuses():
    with pytest.raises(TypeError, match="silu: input has dtype int64 but must be float32 or float64"):
        silu(np.array([1]))
