import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_special_values, check_torch, torch

import pydl
from pydl.ops.neg import neg, neg_forward


def test_native_equals_reference():
    check_kernel(neg_forward)


def test_gradient_and_torch():
    x = np.array([[-2.0, 0.0, 3.5]])
    check_gradient(neg, x)
    check_torch(neg, torch.neg, x)


def test_special_values():
    check_special_values(neg, torch.neg)
    assert np.signbit((-pydl.tensor([0.0])).item())


def test_integers():
    y = -pydl.tensor([1, -2])
    assert y.dtype == np.int64
    assert y.tolist() == [-1, 2]


def test_refuses_bool():
    with pytest.raises(TypeError, match="neg: input is bool; use logical_not"):
        neg(np.array([True]))
