"""capture_step: batch normalisations with what comes before and after them, to the same bits as without."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from checks import same_bits

import pydl
from pydl import nn
from pydl.nn.functional import cross_entropy
from pydl.ops.add import add_forward
from pydl.ops.batch_norm import batch_norm_forward
from pydl.ops.relu import relu_forward
from pydl.optim import SGD
from pydl.recording.fusion import Call, named
from pydl.recording.norm_fusion import join_norms


class Block(nn.Module):
    """A residual block; `shortcut` normalises, too."""

    def __init__(self, shortcut: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 3, 3, 1, 1), nn.BatchNorm2d(3)
        self.conv2, self.bn2 = nn.Conv2d(3, 3, 3, 1, 1, bias=False), nn.BatchNorm2d(3)
        self.shortcut, self.activation = shortcut, activation

    def forward(self, x):
        y = self.activation(self.bn1(self.conv1(x)))
        return self.activation(self.bn2(self.conv2(y)) + self.shortcut(x))


class Twice(nn.Module):
    """What is normalised, and what is activated, is read twice; the activation of a sum that is read twice."""

    def __init__(self):
        super().__init__()
        self.bn1, self.bn2, self.bn3 = nn.BatchNorm2d(3), nn.BatchNorm2d(3), nn.BatchNorm2d(3, affine=False)

    def forward(self, x):
        a = self.bn1(x)
        b = a.relu() * a
        c = self.bn2(b).relu()
        d = self.bn3(c) + c
        return d.relu() - d


class Frozen(nn.Module):
    """With fixed statistics, and an input that needs no gradient."""

    def __init__(self):
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(3), nn.BatchNorm2d(3).eval()

    def forward(self, x):
        return self.bn2(self.bn1(x).relu()).relu()


def projection():
    return nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))


NETWORKS = {
    "identity": lambda: nn.Sequential(Block(nn.Identity(), nn.ReLU()), Block(nn.Identity(), nn.ReLU())),
    "projection": lambda: nn.Sequential(Block(projection(), nn.ReLU()), Block(projection(), nn.ReLU())),
    "relu6": lambda: nn.Sequential(Block(projection(), nn.ReLU6()), Block(nn.Identity(), nn.ReLU6())),
    "hardswish": lambda: Block(nn.Identity(), nn.Hardswish()),
    "twice": Twice,
    "frozen": Frozen,
    "before": lambda: nn.Sequential(
        nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3), nn.MaxPool2d(2)
    ),
}
# Normalisations and what else is left of them, forwards and backwards.
LEFT = {
    "identity": {"batch_norm_forward": 4, "batch_norm_backward": 4},
    "projection": {"batch_norm_forward": 6, "batch_norm_backward": 6},
    "relu6": {"batch_norm_forward": 5, "batch_norm_backward": 5},
    "before": {"batch_norm_forward": 2, "batch_norm_backward": 2},
}


def network(name):
    pydl.manual_seed(1)
    return nn.Sequential(NETWORKS[name](), nn.Flatten(), Head())


class Head(nn.Module):
    def forward(self, x):
        return x[:, :4]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NETWORKS)
def test_same_bits_as_by_hand(name, dtype):
    module = network(name).to(dtype)
    twin = copy.deepcopy(module)
    rules = [SGD(each.parameters(), lr=0.05, momentum=0.9) for each in (module, twin)]
    step = pydl.capture_step(module, cross_entropy, rules[0])
    for seed in range(3):
        g = np.random.default_rng(seed)
        x, y = g.standard_normal((5, 3, 7, 6)).astype(dtype) * 2 + 1, g.integers(0, 4, 5)
        loss = cross_entropy(twin(pydl.tensor(x)), y)
        rules[1].zero_grad()
        loss.backward()
        rules[1].step()
        assert same_bits(step(x, y), loss.detach())
        for one, other in zip(module.state_dict().values(), twin.state_dict().values(), strict=True):
            assert same_bits(one, other)
    if name in LEFT:
        (recording,) = step._recordings.values()
        names = [call[0].__name__ for call in recording._replay.calls]
        kinds = ("norm", "relu", "hardtanh", "add")
        assert {each: names.count(each) for each in names if any(kind in each for kind in kinds)} == LEFT[name]


def calls_of(x, y, z, other):
    ones = np.ones(len(x[0]), np.float32)
    given = (ones, ones, None, None, 0.1, 1e-5, None, np.nan, np.nan)
    lines = (*x.shape[:2], -1)
    return [
        (batch_norm_forward.native, (x.reshape(lines), *given, y.reshape(lines), ones.copy(), ones.copy(), None)),
        (add_forward.native, (other, y, y2 := np.empty_like(y))),
        (relu_forward.native, (y2, z)),
    ]


def test_what_others_see_or_change_is_left_alone():
    x, y, z, other = (np.ones((2, 3, 4, 5), np.float32) for _ in range(4))
    calls: list[Call] = calls_of(x, y, z, other)
    (joined,) = join_norms(calls, [z])
    assert np.shares_memory(named(joined)["add"], other)
    assert np.shares_memory(named(joined)["y"], z)
    assert len(join_norms(calls, [z, y])) == 3
    assert len(join_norms(calls, [z, calls[1][1][2]])) == 2
    # Something changes x, or looks at y, before the sum is taken.
    change = relu_forward.native, (other, x)
    assert len(join_norms([calls[0], change, *calls[1:]], [z, x])) == 4
    look = relu_forward.native, (y, np.empty_like(y))
    assert len(join_norms([calls[0], look, *calls[1:]], [z, look[1][1]])) == 4
    # The term is made in between, so that the normalisation has to wait for it.
    make = relu_forward.native, (x, other)
    assert [call[0].__name__ for call in join_norms([calls[0], make, *calls[1:]], [z])] == [
        "relu_forward",
        "batch_norm_forward",
    ]
    # A term of another shape.
    few = (add_forward.native, (other[:1], y, calls[1][1][2]))
    assert len(join_norms([calls[0], few, calls[2]], [z])) == 3
