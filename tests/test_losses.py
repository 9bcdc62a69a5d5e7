"""The losses as modules beside PyTorch's."""

import numpy as np
import pytest
from checks import close

import pydl
from pydl import nn

RNG = np.random.default_rng(0)
SCORES = RNG.standard_normal((6, 4))
CLASSES = np.array([0, 3, 1, 1, -100, 2])
TARGETS = RNG.random((6, 4))
WEIGHT = np.array([0.5, 1.0, 2.0, 0.1])

CASES = [
    ("CrossEntropyLoss", {}, SCORES, CLASSES),
    ("CrossEntropyLoss", {"weight": WEIGHT, "label_smoothing": 0.1}, SCORES, CLASSES),
    ("CrossEntropyLoss", {"ignore_index": 1}, SCORES, np.abs(CLASSES) % 4),
    ("NLLLoss", {"weight": WEIGHT}, SCORES, CLASSES),
    ("BCELoss", {}, RNG.random((6, 4)), TARGETS),
    ("BCEWithLogitsLoss", {"pos_weight": WEIGHT}, SCORES, TARGETS),
    ("BCEWithLogitsLoss", {"weight": WEIGHT}, SCORES, TARGETS),
    ("MSELoss", {}, SCORES, TARGETS),
    ("L1Loss", {}, SCORES, TARGETS),
    ("SmoothL1Loss", {"beta": 0.5}, SCORES, TARGETS),
    ("HuberLoss", {"delta": 0.5}, SCORES, TARGETS),
    ("KLDivLoss", {}, SCORES, TARGETS),
    ("KLDivLoss", {"log_target": True}, SCORES, TARGETS),
]
IDS = [f"{name}-{i}" for i, (name, *_) in enumerate(CASES)]


@pytest.mark.filterwarnings("ignore:reduction:UserWarning")  # PyTorch's, about KLDivLoss
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("name", "options", "input", "target"), CASES, ids=IDS)
def test_torch(name, options, input, target, reduction):
    torch = pytest.importorskip("torch")
    mine = getattr(nn, name)(**options, reduction=reduction)
    as_torch = {key: torch.tensor(value) if isinstance(value, np.ndarray) else value for key, value in options.items()}
    theirs = getattr(torch.nn, name)(**as_torch, reduction=reduction)
    assert list(mine.state_dict()) == list(theirs.state_dict())
    x, z = pydl.tensor(input, requires_grad=True), torch.tensor(input, requires_grad=True)
    loss, expected = mine(x, target), theirs(z, torch.tensor(target))
    assert loss.shape == tuple(expected.shape)
    close(loss.detach().numpy(), expected.detach().numpy(), 1e-12, "loss")
    dy = np.ones(loss.shape)
    loss.backward(dy)
    expected.backward(torch.tensor(dy))
    close(x.grad.numpy(), z.grad.numpy(), 1e-12, "gradient")
