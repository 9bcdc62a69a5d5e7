import numpy as np
import pytest
from checks import check_broadcasting, check_kernel, check_promotion, check_special_values, torch

import pydl
from pydl.ops.div import div, div_backward_other, div_forward


@pytest.mark.parametrize("kernel", [div_forward, div_backward_other], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_broadcasting():
    check_broadcasting(div, torch.div, 0.5, 3.0)


def test_dtypes():
    check_promotion(div, torch.div)


def test_special_values():
    check_special_values(div, torch.div, arity=2)


def test_worked_by_hand():
    a = pydl.tensor([1.0, 2.0], requires_grad=True)
    b = pydl.tensor([4.0], requires_grad=True)
    y = a / b
    y.backward(np.array([8.0, 16.0]))
    assert y.tolist() == [0.25, 0.5]
    assert a.grad.tolist() == [2.0, 4.0]
    assert b.grad.tolist() == [-2.5]
