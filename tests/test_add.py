import numpy as np
import pytest
from checks import (
    check_broadcasting,
    check_gradient,
    check_kernel,
    check_promotion,
    check_special_values,
    check_torch,
    torch,
)

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


def test_alpha():
    a, b = np.arange(6.0).reshape(2, 3), np.array([2.0, -1.0, 5.0])
    for alpha in (2, -0.5):
        check_torch(lambda a, b, k=alpha: a.add(b, alpha=k), lambda a, b, k=alpha: a.add(b, alpha=k), a, b)
        check_gradient(lambda a, b, k=alpha: add(a, b, alpha=k), a, b)
        check_torch(
            lambda a, b, k=alpha: (a * 1).add_(b, alpha=k), lambda a, b, k=alpha: (a * 1).add_(b, alpha=k), a, b
        )
    assert add(pydl.tensor([1, 2]), 3, alpha=2).tolist() == [7, 8]
    with pytest.raises(TypeError, match="add: alpha must be a number, not None"):
        add(a, b, alpha=None)


def test_worked_by_hand():
    a = pydl.tensor([1.0, 2.0], requires_grad=True)
    b = pydl.tensor([10.0], requires_grad=True)
    y = a + b
    y.backward(np.array([3.0, 4.0]))
    assert y.tolist() == [11.0, 12.0]
    assert a.grad.tolist() == [3.0, 4.0]
    assert b.grad.tolist() == [7.0]
