import numpy as np
import pytest
from checks import check_broadcasting, check_kernel, check_promotion, check_special_values, torch

import pydl
from pydl.ops.minimum import minimum, minimum_backward, minimum_forward


@pytest.mark.parametrize("kernel", [minimum_forward, minimum_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_broadcasting():
    check_broadcasting(minimum, lambda a, b: torch.minimum(a, torch.as_tensor(b, dtype=a.dtype)))


def test_dtypes():
    check_promotion(minimum, torch.minimum, numbers=())


def test_special_values():
    check_special_values(minimum, torch.minimum, arity=2)


def test_equal_numbers_share_the_gradient():
    a = pydl.tensor([1.0, 2.0, 3.0], requires_grad=True)
    b = pydl.tensor([2.0, 2.0, 2.0], requires_grad=True)
    minimum(a, b).backward(np.array([4.0, 4.0, 4.0]))
    assert a.grad.tolist() == [4.0, 2.0, 0.0]
    assert b.grad.tolist() == [0.0, 2.0, 4.0]
