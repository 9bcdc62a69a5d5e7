"""capture and capture_step: whatever the first inputs hold and however they lie, and results that are views."""

from __future__ import annotations

import numpy as np
import pytest
from checks import same_bits

import pydl
from pydl import nn
from pydl.nn import functional as F
from pydl.nn.functional import relu, softmax


@pytest.mark.parametrize(
    "function",
    [
        lambda x: [x],
        lambda x: [x.T],
        lambda x: [relu(x), x[1:]],  # which the kernel reads, too
        lambda x: [x[0, :1] * x.sum().reshape(1)],  # a view with more dimensions than what it is of
    ],
    ids=["itself", "transpose", "part", "one number"],
)
def test_views_of_inputs_and_of_single_numbers(function):
    fast = pydl.capture(function)
    for _ in range(3):
        x = pydl.randn(2, 3)
        assert all(map(same_bits, fast(x), function(x)))
    assert len(fast._recordings) == 1


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.layer_norm(x.permute(0, 2, 3, 1), (4,)),
        lambda x: F.rms_norm(x.permute(0, 2, 3, 1), (4,)),
        lambda x: F.group_norm(x.permute(0, 2, 3, 1), 5),
        lambda x: F.softmax(x.permute(0, 2, 3, 1), dim=1),
        lambda x: F.adaptive_avg_pool1d(x.permute(0, 2, 3, 1)[0], 2),
        lambda x: F.avg_pool2d(x[:, :, ::2], 2),
    ],
    ids=["layer_norm", "rms_norm", "group_norm", "softmax", "adaptive_avg_pool1d", "avg_pool2d"],
)
def test_operations_on_permuted_tensors_are_recorded(function):
    fast = pydl.capture(function)
    for _ in range(2):
        x = pydl.randn(2, 4, 5, 6)
        assert same_bits(fast(x), function(x))


def test_blocks_that_permute_train_as_recorded():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.mix = nn.LayerNorm(4), nn.Linear(4, 4)

        def forward(self, x):
            y = self.mix(self.norm(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)
            return softmax(y + x, dim=1).mean((2, 3))

    losses = []
    for record in (False, True):
        pydl.manual_seed(0)
        model = Block()
        optimizer = pydl.optim.SGD(model.parameters(), lr=0.1)
        step = pydl.capture_step(model, F.cross_entropy, optimizer)
        for k in range(3):
            x, labels = np.random.default_rng(k).standard_normal((2, 4, 5, 6)).astype(np.float32), np.array([0, 3])
            if record:
                loss = step(x, labels)
            else:
                loss = F.cross_entropy(model(pydl.tensor(x)), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            losses.append(loss.item())
    assert losses[:3] == losses[3:]


@pytest.mark.parametrize("first", [pydl.zeros(2, 3), pydl.full((2, 3), 0.9), -pydl.ones(2, 3), pydl.ones(1, 1) * 0.1])
@pytest.mark.parametrize(
    "function",
    [
        lambda x: relu(pydl.tensor(np.cumsum(x.numpy(), axis=1))),
        lambda x: pydl.where(pydl.tensor(x.numpy() > 0), x, pydl.exp(x)),
        lambda x: x * pydl.tensor(np.sign(x.numpy())),
        pydl.nansum,
        lambda x: pydl.where(pydl.isinf(x), 0.0, x),
    ],
    ids=["numpy", "mask", "signs", "nansum", "isinf"],
)
def test_it_is_refused_whatever_the_first_numbers_are(function, first):
    with pytest.raises(RuntimeError, match="gives another result than the function"):
        pydl.capture(function)(first)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: pydl.where(x > 0, x, pydl.exp(x)),
        lambda x: x.masked_fill((x < -0.5) | ~(x <= 0.5), 0.0) * x,
        lambda x: x * (x >= 0).float() + (x != x.flip(1)).double().float(),
        lambda x: x.max(1).values * (x == x.amax(1, keepdim=True)).sum(1),
    ],
    ids=["where", "masked_fill", "numbers", "max"],
)
def test_masks_are_recorded(function):
    fast = pydl.capture(function)
    for seed in range(4):
        numbers = np.random.default_rng(seed).standard_normal((5, 7)).astype(np.float32)
        x, z = (pydl.tensor(numbers, requires_grad=True) for _ in range(2))
        y, want = fast(x), function(z)
        assert same_bits(y, want)
        y.sum().backward()
        want.sum().backward()
        assert same_bits(x.grad, z.grad)


def test_functions_that_refuse_most_numbers_are_recorded():
    def function(x):
        return F.binary_cross_entropy(x, x, reduction="none")

    fast = pydl.capture(function)
    for x in (pydl.zeros(3), pydl.rand(3)):
        assert same_bits(fast(x), function(x))
