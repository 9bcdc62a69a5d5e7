"""Residual blocks: the sum, its gradient, blocks that change the shape."""

import numpy as np
import pytest

import pydl
from pydl import nn


def test_adds_its_input():
    block = nn.Residual(nn.Linear(3, 3))
    x = pydl.randn(2, 3, requires_grad=True)
    y = block(x)
    np.testing.assert_array_equal(y.data, (block.f(x) + x).data)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.data, 1 + np.broadcast_to(block.f.weight.data.sum(0), (2, 3)), rtol=1e-5)
    assert [name for name, _ in block.named_parameters()] == ["f.weight", "f.bias"]


def test_shortcut():
    block = nn.Residual(nn.Conv2d(2, 4, 3, stride=2, padding=1), nn.Conv2d(2, 4, 1, stride=2))
    x = pydl.randn(1, 2, 5, 7)
    np.testing.assert_array_equal(block(x).data, (block.f(x) + block.shortcut(x)).data)
    np.testing.assert_allclose(pydl.capture(block.eval())(x).data, block(x).data, rtol=1e-5, atol=1e-6)


def test_errors():
    with pytest.raises(ValueError, match=r"Residual: f gives \(2, 4\) but what goes past it is \(2, 3\)"):
        nn.Residual(nn.Linear(3, 4))(pydl.randn(2, 3))
    with pytest.raises(ValueError, match="Residual: f gives"):  # not spread over the batch
        nn.Residual(nn.Linear(3, 1))(pydl.randn(2, 3))
    with pytest.raises(TypeError, match="Residual: shortcut must be a Module, not int"):
        nn.Residual(nn.Linear(3, 3), 1)
