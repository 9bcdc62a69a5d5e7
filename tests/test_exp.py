import numpy as np
from checks import check_elementwise, check_kernel, check_special_values, torch

import pydl
from pydl.ops.exp import exp, exp_forward

X = np.array([[-2.0, -0.5, 0.25], [3.0, -1.0, 0.75]])


def test_native_equals_reference():
    check_kernel(exp_forward)


def test_gradient_and_torch():
    check_elementwise(exp, torch.exp, X)


def test_special_values():
    check_special_values(exp, torch.exp)


def test_integers_become_float32():
    y = exp(pydl.tensor([0, 1]))
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.numpy(), [1.0, np.e], rtol=1e-6)
