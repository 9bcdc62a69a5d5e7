"""Recorded steps that make normalised images a second time: to the same bits."""

from __future__ import annotations

import numpy as np
import pytest
from checks import same_bits

import pydl
from pydl import nn
from pydl.nn.functional import cross_entropy
from pydl.optim import SGD
from pydl.recording import made_again


def network(dtype):
    pydl.manual_seed(1)
    layers = [nn.Conv2d(2, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), nn.ReLU6()]
    layers += [nn.MaxPool2d(2), nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8, affine=False), nn.Conv2d(8, 3, 1), nn.Flatten()]
    return nn.Sequential(*layers).to(dtype)


def steps(dtype):
    """The losses and the state after three captured steps, and the names of the kernels."""
    module = network(dtype)
    step = pydl.capture_step(module, cross_entropy, SGD(module.parameters(), lr=0.1))
    g = np.random.default_rng(0)
    losses = [step(g.standard_normal((6, 2, 12, 11)).astype(dtype), g.integers(0, 3, 6)).numpy() for _ in range(3)]
    (recording,) = step._recordings.values()
    return losses, module.state_dict(), [call[0].__name__ for call in recording._replay.calls]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_same_bits(dtype, monkeypatch):
    losses, state, names = steps(dtype)
    assert "batch_norm_again" not in names
    monkeypatch.setattr(made_again, "AWAY", 1)
    other_losses, other_state, other_names = steps(dtype)
    assert other_names.count("batch_norm_again") == 3
    assert all(map(same_bits, losses, other_losses))
    for name, tensor in state.items():
        assert same_bits(tensor, other_state[name]), name
