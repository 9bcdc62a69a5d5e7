import numpy as np
import pytest
from checks import check_elementwise, check_kernel, check_special_values, torch

import pydl
from pydl.ops.abs import abs, abs_backward, abs_forward

X = np.array([[-2.0, -0.5, 0.25], [3.0, -1.0, 0.75]])


@pytest.mark.parametrize("kernel", [abs_forward, abs_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_gradient_and_torch():
    check_elementwise(abs, torch.abs, X)


def test_special_values():
    check_special_values(abs, torch.abs)


def test_worked_by_hand():
    x = pydl.tensor([-2.0, 0.0, 3.0], requires_grad=True)
    y = abs(x)
    y.backward(np.array([5.0, 6.0, 7.0]))
    assert y.tolist() == [2.0, 0.0, 3.0]
    assert x.grad.tolist() == [-5.0, 0.0, 7.0]
    assert abs(pydl.tensor([-3, 4])).tolist() == [3, 4]
    assert not np.signbit(abs(pydl.tensor([-0.0])).item())
