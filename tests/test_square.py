import numpy as np
import pytest
from checks import check_elementwise, check_kernel, check_special_values, torch

import pydl
from pydl.ops.square import square, square_backward, square_forward

X = np.array([[-2.0, -0.5, 0.25], [3.0, -1.0, 0.75]])


@pytest.mark.parametrize("kernel", [square_forward, square_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_gradient_and_torch():
    check_elementwise(square, torch.square, X)


def test_special_values():
    check_special_values(square, torch.square)


def test_integers():
    assert square(pydl.tensor([2, -3])).tolist() == [4, 9]
