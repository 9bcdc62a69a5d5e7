import numpy as np
import pytest
from checks import check_broadcasting, check_special_values, check_torch, torch

import pydl
from pydl.ops import logaddexp


def test_broadcasting():
    check_broadcasting(logaddexp, lambda a, b: torch.logaddexp(torch.as_tensor(a), torch.as_tensor(b)))


def test_dtypes():
    for a in (np.array([1, 2]), np.array([True, False])):
        assert logaddexp(a, 1).dtype == np.float32
        np.testing.assert_allclose(logaddexp(a, 1).numpy(), np.logaddexp(a, 1.0), rtol=1e-6)


def test_special_values():
    check_special_values(logaddexp, torch.logaddexp, arity=2)


def test_far_from_zero():
    x = np.linspace(-2e3, 2e3, 41)
    check_torch(logaddexp, torch.logaddexp, x, x[::-1].copy())
    check_torch(logaddexp, torch.logaddexp, x, x + 1e-3)


def test_equal_infinities_are_equal_numbers():
    x = pydl.tensor([np.inf, -np.inf, 1.0], requires_grad=True)
    pydl.logaddexp(x, x.data).sum().backward()
    assert x.grad.tolist() == [0.5, 0.5, 0.5]


def test_worked_by_hand():
    assert logaddexp(np.array(0.0), np.array(0.0)).item() == np.log(2)
    assert logaddexp(np.array(1000.0), np.array(0.0)).item() == 1000


def test_refuses():
    with pytest.raises(ValueError, match=r"logaddexp: shapes \(2,\) and \(3,\) do not broadcast together"):
        logaddexp(np.ones(2), np.ones(3))
