import numpy as np
from checks import check_elementwise, check_kernel, check_special_values, torch

import pydl
from pydl.ops.log import log, log_forward

X = np.array([[0.5, 1.0, 2.5]])


def test_native_equals_reference():
    check_kernel(log_forward)


def test_gradient_and_torch():
    check_elementwise(log, torch.log, X)


def test_special_values():
    check_special_values(log, torch.log)


def test_integers_become_float32():
    y = log(pydl.tensor([1, 2]))
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.numpy(), [0.0, np.log(2)], rtol=1e-6)
