import numpy as np
import pytest
from checks import check_broadcasting, check_kernel, check_promotion, check_special_values, torch

import pydl
from pydl.ops.maximum import maximum, maximum_backward, maximum_forward


@pytest.mark.parametrize("kernel", [maximum_forward, maximum_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_broadcasting():
    check_broadcasting(maximum, lambda a, b: torch.maximum(a, torch.as_tensor(b, dtype=a.dtype)))


def test_dtypes():
    check_promotion(maximum, torch.maximum, numbers=())


def test_special_values():
    check_special_values(maximum, torch.maximum, arity=2)


def test_equal_numbers_share_the_gradient():
    a = pydl.tensor([1.0, 2.0, 3.0], requires_grad=True)
    b = pydl.tensor([2.0, 2.0, 2.0], requires_grad=True)
    maximum(a, b).backward(np.array([4.0, 4.0, 4.0]))
    assert a.grad.tolist() == [0.0, 2.0, 4.0]
    assert b.grad.tolist() == [4.0, 2.0, 0.0]
