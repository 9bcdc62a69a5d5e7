import numpy as np
from checks import check_broadcasting, check_kernel, check_promotion, check_special_values, torch

import pydl
from pydl.ops.add import add, add_forward


def test_native_equals_reference():
    check_kernel(add_forward)


def test_broadcasting():
    check_broadcasting(add, torch.add)


def test_dtypes():
    check_promotion(add, torch.add)


def test_special_values():
    check_special_values(add, torch.add, arity=2)


def test_worked_by_hand():
    a = pydl.tensor([1.0, 2.0], requires_grad=True)
    b = pydl.tensor([10.0], requires_grad=True)
    y = a + b
    y.backward(np.array([3.0, 4.0]))
    assert y.tolist() == [11.0, 12.0]
    assert a.grad.tolist() == [3.0, 4.0]
    assert b.grad.tolist() == [7.0]
