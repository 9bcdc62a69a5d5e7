import numpy as np
import pytest
from checks import check_elementwise, check_kernel, check_special_values, torch

import pydl
from pydl.ops.sigmoid import sigmoid, sigmoid_backward, sigmoid_forward

X = np.array([[-2.0, -0.5, 0.25], [3.0, -1.0, 0.75]])


@pytest.mark.parametrize("kernel", [sigmoid_forward, sigmoid_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_gradient_and_torch():
    check_elementwise(sigmoid, torch.sigmoid, X)


def test_special_values():
    check_special_values(sigmoid, torch.sigmoid)


def test_integers_become_float32():
    y = sigmoid(pydl.tensor([0]))
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.numpy(), [0.5], rtol=1e-6)
