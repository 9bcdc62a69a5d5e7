"""find_learning_rate: where the loss falls, where it rises, and that nothing of it stays."""

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.data import DataLoader, TensorDataset
from pydl.nn.functional import mse_loss
from pydl.optim import SGD, Adam

X = np.random.default_rng(0).standard_normal((64, 4), np.float32)
Y = X.sum(1, keepdims=True)


def trainer(optimizer=Adam, **settings):
    pydl.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.1), nn.Linear(8, 1))
    rule = optimizer([{"params": model[0].parameters()}, {"params": [*model[1].parameters(), *model[3].parameters()],
                                                         "lr": 0.02}], lr=0.01, **settings)  # fmt: skip
    return pydl.Trainer(model, mse_loss, rule, progress=False)


def test_a_quadratic_bowl():
    # Gradient descent on |w - 1|^2 / 2 comes nearer for rates below 2 and leaves for larger ones.
    model = nn.Linear(1, 1, bias=False)
    model.weight.data[...] = 0
    ours = pydl.Trainer(model, lambda y, t: mse_loss(y, t) * 0.5, SGD(model.parameters(), lr=1.0), progress=False)
    ones = np.ones((8, 1), np.float32)
    targets = 1 + 0.2 * ones * np.float32([[-1], [1]] * 4)  # contradictory, so that no step ends exactly at the minimum
    found = ours.find_learning_rate((ones, targets), low=1e-4, high=100, steps=61, batch_size=1)
    assert found.rates[0] == pytest.approx(1e-4)
    assert found.rates[1] / found.rates[0] == pytest.approx(10**0.1)
    assert 0.002 < found.suggestion < 0.2, "a tenth of the rate where the loss is least"
    assert len(found.rates) == len(found.losses) == len(found.smoothed)
    assert len(ours.find_learning_rate((ones, ones), 3, 1e3).rates) < 10, "no need to go on when the loss explodes"


@pytest.mark.parametrize(("optimizer", "settings"), [(Adam, {"amsgrad": True}), (SGD, {"momentum": 0.5})])
def test_all_is_as_before(optimizer, settings):
    ours, untouched = trainer(optimizer, **settings), trainer(optimizer, **settings)
    generators = [np.random.default_rng(5) for _ in range(2)]
    loaders = [DataLoader(TensorDataset(X, Y), 16, shuffle=True, generator=each) for each in generators]
    for each, loader in zip((ours, untouched), loaders, strict=True):
        pydl.manual_seed(6)
        each.fit(loader, epochs=1)
        each.model.train()
    gradients = [each.grad for each in ours.model.parameters()]
    state = pydl.random.get_rng_state()
    ours.find_learning_rate(loaders[0], steps=20)
    assert pydl.random.get_rng_state() == state
    assert ours.model.training
    assert all(a is b.grad for a, b in zip(gradients, ours.model.parameters(), strict=True))
    assert [group["lr"] for group in ours.optimizer.param_groups] == [0.01, 0.02]
    for each, loader in zip((ours, untouched), loaders, strict=True):
        pydl.manual_seed(7)
        each.fit(loader, epochs=2)
    for a, b in zip(ours.model.state_dict().values(), untouched.model.state_dict().values(), strict=True):
        assert a.data.tobytes() == b.data.tobytes()


def test_groups_keep_their_share():
    ours, seen = trainer(), []
    step = ours.optimizer.step
    ours.optimizer.step = lambda: (seen.append([group["lr"] for group in ours.optimizer.param_groups]), step())
    ours.find_learning_rate((X, Y), low=1e-4, high=1e-3, steps=3)
    assert np.allclose([b / a for a, b in seen], 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low": 1.0, "high": 0.1}, "low and high must be above 0, and high the larger one, not 1.0 and 0.1"),
        ({"steps": 1}, "find_learning_rate: steps must be at least 2, not 1"),
        ({"train": (X * np.float32("nan"), Y)}, "the loss is not finite even at the rate 1e-06"),
        ({"train": (X[:0], Y[:0])}, "find_learning_rate: train holds no data"),
    ],
)
def test_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        trainer().find_learning_rate(**{"train": (X, Y), **options})


def test_picture(tmp_path):
    pytest.importorskip("matplotlib")
    pydl.plot.learning_rates(trainer().find_learning_rate((X, Y), steps=20), tmp_path / "rates.png")
    assert (tmp_path / "rates.png").stat().st_size > 5000
