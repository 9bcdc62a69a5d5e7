import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_special_values, check_torch, torch

import pydl
from pydl.ops.square import square, square_backward, square_forward

X = np.array([[-2.0, -0.5, 0.25], [3.0, -1.0, 0.75]])


@pytest.mark.parametrize("kernel", [square_forward, square_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_gradient_and_torch():
    check_gradient(square, X)
    check_torch(square, torch.square, X)
    check_torch(square, torch.square, np.zeros((0, 3)))


def test_special_values():
    check_special_values(square, torch.square)


def test_integers():
    assert square(pydl.tensor([2, -3])).tolist() == [4, 9]
