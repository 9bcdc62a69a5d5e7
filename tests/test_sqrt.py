import numpy as np
import pytest
from checks import check_elementwise, check_kernel, check_special_values, torch

import pydl
from pydl.ops.sqrt import sqrt, sqrt_backward, sqrt_forward

X = np.array([[0.5, 1.0, 2.5]])


@pytest.mark.parametrize("kernel", [sqrt_forward, sqrt_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_gradient_and_torch():
    check_elementwise(sqrt, torch.sqrt, X)


def test_special_values():
    check_special_values(sqrt, torch.sqrt)


def test_integers_become_float32():
    y = sqrt(pydl.tensor([4, 9]))
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.numpy(), [2.0, 3.0], rtol=1e-6)
