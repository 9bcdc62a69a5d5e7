"""The classic mistakes: each with a network that makes it and one that does not, which must give no finding."""

import re

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.data import DataLoader, TensorDataset
from pydl.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss, nll_loss
from pydl.optim import SGD, Adam

RNG = np.random.default_rng(0)
LABELS = np.arange(300) % 3
CENTRES = RNG.standard_normal((3, 20))
X = (CENTRES[LABELS] + 0.5 * RNG.standard_normal((300, 20))).astype(np.float32)
IMAGES = np.repeat(X[:, None, :, None], 4, 3).reshape(300, 1, 8, 10)


class Functional(nn.Module):
    """A network whose activations are no modules."""

    def __init__(self, act="relu"):
        super().__init__()
        self.first, self.second, self.act = nn.Linear(20, 16), nn.Linear(16, 3), act

    def forward(self, x):
        return self.second(getattr(self.first(x), self.act)())


def layers(act=nn.ReLU, *last):
    return nn.Sequential(nn.Linear(20, 16), act(), nn.Linear(16, 16), act(), nn.Linear(16, 3), *last)


def deep():
    return nn.Sequential(*(each for _ in range(6) for each in (nn.Linear(20, 20), nn.ReLU())), nn.Linear(20, 3))


def convolutional():
    return nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 3))


def trainer(model, loss=cross_entropy, rule=Adam, lr=1e-2):
    return pydl.Trainer(model, loss, rule(model.parameters(), lr=lr), progress=False)


def make(build, *arguments, **options):
    pydl.manual_seed(0)
    return trainer(build(*arguments), **options)


def fitted(each, data=(X, LABELS), epochs=3):
    each.fit(data, epochs=epochs)
    return each


def found(each, data=None):
    return [finding.mistake for finding in pydl.diagnose(each, data).findings]


@pytest.mark.parametrize("epochs", [0, 1, 20])
@pytest.mark.parametrize(
    "build",
    [
        lambda: make(layers),
        lambda: make(layers, nn.Tanh),
        lambda: make(layers, nn.Sigmoid),
        lambda: make(Functional),
        lambda: make(Functional, "tanh"),
        lambda: make(layers, nn.ReLU, nn.LogSoftmax(1), loss=nll_loss),
        lambda: make(layers, nn.ReLU, nn.Dropout(0.2)),
        lambda: make(layers, rule=SGD, lr=0.1),
        lambda: make(deep),
    ],
)
def test_right_networks_give_no_finding(build, epochs, capsys):
    each = fitted(build(), epochs=epochs)
    report = pydl.diagnose(each)
    assert not report, str(report)
    assert capsys.readouterr().out == "No mistake was found.\n"


def test_a_right_convolutional_network():
    assert found(fitted(make(convolutional), (IMAGES, LABELS), epochs=5)) == []


def test_it_changes_nothing():
    each = fitted(make(layers, nn.ReLU, nn.Dropout(0.2)))
    state = pydl.random.get_rng_state()
    before = [value.data.tobytes() for value in each.model.state_dict().values()]
    steps = each.optimizer.state_dict()["state"][0]["step"]
    pydl.diagnose(each)
    assert [value.data.tobytes() for value in each.model.state_dict().values()] == before
    assert pydl.random.get_rng_state() == state
    assert each.optimizer.state_dict()["state"][0]["step"] == steps
    assert not each.model.training


@pytest.mark.parametrize(
    ("last", "loss", "targets", "told"),
    [
        (
            nn.Softmax(1),
            cross_entropy,
            LABELS,
            r"softmax '5' \(Softmax\), so the loss cannot fall below 0\.55: leave the model's",
        ),
        (nn.Softmax(1), nll_loss, LABELS, "nll_loss needs logarithms"),
        (nn.Identity(), nll_loss, LABELS, "nll_loss needs logarithms: use cross_entropy for raw scores"),
        (nn.Sigmoid(), binary_cross_entropy_with_logits, np.eye(3, dtype=np.float32)[LABELS], "last sigmoid out, or"),
    ],
)
def test_activation_before_loss(last, loss, targets, told):
    report = pydl.diagnose(make(layers, nn.ReLU, last, loss=loss), (X, targets))
    (finding,) = report.findings
    assert finding.mistake == "activation_before_loss"
    assert re.search(told, finding.sentence)


def test_forgotten_zero_grad():
    def by_hand(forget):
        each = make(layers, rule=SGD, lr=1e-3)
        for k in range(12):
            if not forget:
                each.model.zero_grad(set_to_none=k % 2 == 0)
            cross_entropy(each.model(X[:32]), LABELS[:32]).backward()
            each.optimizer.step()
        return each

    assert found(by_hand(False), (X, LABELS)) == []
    report = pydl.diagnose(by_hand(True), (X, LABELS))
    assert str(report).startswith(
        "- zero_grad: 11 of 12 steps of the optimizer had the gradients of earlier steps in theirs"
    )
    for set_to_none in (True, False):
        each = make(layers)
        for _ in range(4):
            each.optimizer.zero_grad(set_to_none)
            for _ in range(2):  # gradients that are added up on purpose
                cross_entropy(each.model(X[:32]), LABELS[:32]).backward()
            each.optimizer.step()
        assert each.optimizer.leftover_steps == 0


def test_train_mode():
    each = fitted(make(layers, nn.ReLU, nn.Dropout(0.5)))
    each.model.train()
    assert found(each) == ["train_mode"]
    assert each.model.training
    each = fitted(make(layers))
    each.model.train()  # without a layer for which it matters
    assert found(each) == []


def test_parameters_that_the_optimizer_does_not_have():
    model = layers()
    each = pydl.Trainer(model, cross_entropy, Adam(model[4].parameters()), progress=False)
    (finding,) = pydl.diagnose(each, (X, LABELS)).findings
    assert finding.sentence.startswith("the optimizer does not have 0.weight, 0.bias, 2.weight, 2.bias")
    with pytest.raises(ValueError, match="the optimizer does not have the parameters"):
        each.fit((X, LABELS))


def test_sorted_data():
    order = np.argsort(LABELS, kind="stable")
    data = TensorDataset(X[order], LABELS[order])
    report = pydl.diagnose(make(layers), DataLoader(data, 32))
    assert "the training data are sorted: the targets of 300 rows only climb or fall" in str(report)
    order = np.concatenate([order[k::2] for k in (0, 1)])
    report = pydl.diagnose(make(layers), DataLoader(TensorDataset(X[order], LABELS[order]), 32))
    assert "the targets of 300 rows change 5 times, in random order about 199 times" in str(report)
    assert found(make(layers), DataLoader(data, 32, shuffle=True)) == []
    assert found(make(layers), DataLoader(TensorDataset(X, LABELS), 32)) == []
    numbers = np.sort(X[:, :1], 0)
    model = nn.Linear(20, 1)
    assert found(trainer(model, mse_loss), DataLoader(TensorDataset(X, numbers), 32)) == ["order"]
    assert found(trainer(model, mse_loss), DataLoader(TensorDataset(X, X[:, :1]), 32)) == []


@pytest.mark.parametrize("build", [layers, Functional, convolutional])
def test_dead_relus(build):
    each = make(build)
    first = next(iter(each.model.children()))
    first.bias.data[...] = -100
    data = (IMAGES if build is convolutional else X, LABELS)
    (finding,) = (one for one in pydl.diagnose(each, data).findings if "100 %" in one.sentence)
    assert finding.mistake == "dead_relu"
    assert finding.layer == ("after 'first' (Linear)" if build is Functional else "'1' (ReLU)")
    assert finding.figure == 1


@pytest.mark.parametrize(("act", "size"), [(nn.Sigmoid, 400), (nn.Tanh, 100)])
def test_saturated_by_wide_first_weights(act, size):
    def network(deviation):
        pydl.manual_seed(0)
        model = nn.Sequential(nn.Linear(size, 30), act(), nn.Linear(30, 3))
        nn.init.normal_(model[0].weight, std=deviation)
        return model

    x = np.tile(X, size // 20)
    assert found(trainer(network(size**-0.5)), (x, LABELS)) == []
    report = pydl.diagnose(trainer(network(1.0)), (x, LABELS))
    assert report.findings[0].mistake == "saturated"
    assert report.findings[0].layer == f"'1' ({act.__name__})"
    assert f"for {size} inputs {size**-0.5:.2g} is right" in str(report)


def test_learning_rate_too_high():
    assert found(make(layers, lr=5.0), (X, LABELS)) == ["learning_rate"]
    assert found(make(layers, nn.Tanh, rule=SGD, lr=50.0), (X, LABELS)) == ["learning_rate"]
    each = fitted(make(layers))
    each.history.epochs = [{"loss": 1.0}, {"loss": 30.0}]
    assert "the training loss rose from 1 in the first epoch to 30 in the last" in str(pydl.diagnose(each))


def test_numbers_that_are_not_finite():
    each = make(layers)
    each.model[2].weight.data[0, 0] = np.nan
    (finding,) = pydl.diagnose(each, (X, LABELS)).findings
    assert "the weights of layer '2' (Linear) are not finite" in finding.sentence


@pytest.mark.parametrize(
    ("outputs", "targets", "loss", "message"),
    [
        (
            (4, 1),
            np.zeros(4, np.float32),
            mse_loss,
            r"input has shape \(4, 1\) but target has \(4,\); they must be equal",
        ),
        ((4, 3), np.array([0, 1, 2, 3]), cross_entropy, r"target\[\d\] is 3 but there are 3 classes \(0 to 2\)"),
        ((4, 3), np.zeros(4, np.float32), cross_entropy, "target has dtype float32 but class labels must be integers"),
        ((4, 3), np.zeros((4, 1), np.int64), cross_entropy, r"target has shape \(4, 1\) but must have \(4,\)"),
    ],
)
def test_what_is_certainly_wrong_is_an_error(outputs, targets, loss, message):
    model = nn.Linear(2, outputs[1])
    with pytest.raises((ValueError, TypeError), match=message):
        trainer(model, loss).fit((np.ones((4, 2), np.float32), targets))


def test_refuses():
    with pytest.raises(TypeError, match="diagnose: trainer must be a Trainer, not int"):
        pydl.diagnose(3)
    with pytest.raises(ValueError, match="diagnose: there are no data; give those to train with"):
        pydl.diagnose(make(layers))
