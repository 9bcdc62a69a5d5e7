import numpy as np
from checks import check_broadcasting, check_kernel, check_promotion, check_special_values, torch

import pydl
from pydl.ops.mul import mul, mul_forward


def test_native_equals_reference():
    check_kernel(mul_forward)


def test_broadcasting():
    check_broadcasting(mul, torch.mul)


def test_dtypes():
    check_promotion(mul, torch.mul)


def test_special_values():
    check_special_values(mul, torch.mul, arity=2)


def test_worked_by_hand():
    a = pydl.tensor([1.0, 2.0], requires_grad=True)
    b = pydl.tensor([10.0], requires_grad=True)
    y = a * b
    y.backward(np.array([3.0, 4.0]))
    assert y.tolist() == [10.0, 20.0]
    assert a.grad.tolist() == [30.0, 40.0]
    assert b.grad.tolist() == [11.0]
