"""summary and profile: what they count, worked by hand, and that they leave the model as it was."""

from __future__ import annotations

import numpy as np
import pytest

import pydl
from pydl import nn


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(), nn.Linear(20 * 12 * 12, 10)
    )


class Translator(nn.Module):
    """Two inputs, of which one holds words; a dict as the result; a layer used twice; a part that is never used."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(50, 8)
        self.reads = nn.LSTM(8, 16, bidirectional=True)
        self.mixes = nn.Linear(32, 32, bias=False)
        self.unused = nn.Linear(3, 3)

    def forward(self, words, extra):
        states = self.reads(self.words(words))[0]
        return {"scores": self.mixes(self.mixes(states)) + extra, "last": states[-1]}


def test_summary_of_a_convolutional_network():
    found = pydl.summary(lenet(), (4, 1, 28, 28))
    conv, relu, pool, flatten, dropout, linear = found.layers
    assert (conv.name, conv.kind, conv.output, conv.parameters) == ("0", "Conv2d", "4x20x24x24", 20 * 25 + 20)
    assert conv.multiply_adds == 4 * 20 * 24 * 24 * 25
    assert conv.output_bytes == 4 * 4 * 20 * 24 * 24
    assert linear.multiply_adds == 4 * 2880 * 10
    assert relu.multiply_adds == pool.multiply_adds == flatten.multiply_adds == dropout.multiply_adds == 0
    assert found.parameters == found.trainable == 520 + 28_810
    assert found.multiply_adds == conv.multiply_adds + linear.multiply_adds
    assert (found.input, found.output) == ("4x1x28x28", "4x10")
    assert all(each.milliseconds > 0 for each in found.layers)
    said = str(found)
    for text in ("Conv2d", "4x20x24x24", "29,330 (117 kB)", "1.27 M", "28,810"):
        assert text in said


def test_summary_of_a_network_of_several_inputs():
    model = Translator()
    model.unused.requires_grad_(False)
    found = pydl.summary(model, (np.zeros((7, 3), np.int64), (7, 3, 32)))
    assert [each.name for each in found.layers] == ["words", "reads", "mixes", "mixes"]
    assert [each.parameters for each in found.layers] == [400, 2 * 4 * 16 * (8 + 16 + 2), 1024, 0]
    assert found.layers[1].multiply_adds == 2 * 7 * 3 * 4 * 16 * (8 + 16)
    assert found.layers[1].output == "7x3x32, 2x3x16, 2x3x16"
    assert found.output == "7x3x32, 3x32"
    assert found.parameters - found.trainable == 12
    assert "12 of them frozen" in str(found)


@pytest.mark.parametrize(
    ("layer", "shape", "multiply_adds"),
    [
        (nn.Conv2d(4, 6, 3, stride=2, groups=2), (2, 4, 9, 9), 2 * 6 * 4 * 4 * 2 * 9),
        (nn.Conv1d(3, 5, 3), (2, 3, 10), 2 * 5 * 8 * 9),
        (nn.ConvTranspose2d(4, 6, 2, stride=2, groups=2), (2, 4, 5, 5), 2 * 4 * 25 * 3 * 4),
        (nn.GRU(5, 7, num_layers=2), (4, 3, 5), 4 * 3 * 21 * (5 + 7 + 7 + 7)),
        (nn.RNNCell(5, 7), (3, 5), 3 * 7 * 12),
        (nn.LSTMCell(5, 7), (3, 5), 3 * 28 * 12),
        (nn.BatchNorm2d(4), (2, 4, 3, 3), 0),
    ],
)
def test_multiply_adds(layer, shape, multiply_adds):
    found = pydl.summary(layer, shape)
    assert [each.multiply_adds for each in found.layers] == [multiply_adds]
    assert found.layers[0].name == type(layer).__name__


def test_the_model_stays_as_it_is():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout())
    model[2].eval()
    model(np.ones((2, 3), np.float32)).sum().backward()
    weights = {name: each.numpy().copy() for name, each in model.state_dict().items()}
    gradient = model[0].weight.grad.numpy().copy()
    pydl.summary(model, (2, 3))
    pydl.profile(model, (2, 3), rounds=1)
    assert [each.training for each in model] == [True, True, False]
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in model.modules())
    np.testing.assert_array_equal(model[0].weight.grad.numpy(), gradient)
    for name in weights:
        np.testing.assert_array_equal(model.state_dict()[name].numpy(), weights[name])


def test_profile():
    found = pydl.profile(lenet().double(), (4, 1, 28, 28), rounds=2)
    assert [each.kind for each in found.layers] == ["Conv2d", "ReLU", "MaxPool2d", "Flatten", "Dropout", "Linear"]
    assert all(each.forward > 0 for each in found.layers)
    assert found.layers[0].backward > 0  # for its weights
    assert found.layers[0].peak > 0  # below 1, unless other processes took their share while the peak was measured
    assert found.backward > 0
    for text in ("Conv2d", "of peak", "whole model", "GFLOP/s"):
        assert text in str(found)


def test_profile_of_words_and_of_what_learns_nothing():
    words = np.zeros((7, 3), np.int64)
    found = pydl.profile(Translator(), (words, (7, 3, 32)), rounds=1)
    assert [each.name for each in found.layers] == ["words", "reads", "mixes", "mixes"]
    frozen = pydl.profile(nn.Linear(3, 3).requires_grad_(False), (2, 3), rounds=1)
    assert frozen.layers[0].backward == frozen.backward == 0


@pytest.mark.parametrize("look", [pydl.summary, pydl.profile])
def test_wrong_calls(look):
    with pytest.raises(TypeError, match="model must be a Module, not int"):
        look(3, (1, 2))
    with pytest.raises(TypeError, match="input must be a shape"):
        look(nn.Linear(2, 2), "2x2")
    with pytest.raises(ValueError, match="linear: input has 3 features"):
        look(nn.Linear(2, 2), (1, 3))
    with pytest.raises(ValueError, match="-3"):
        look(nn.Linear(2, 2), (1, -3))
    with pytest.raises(ValueError, match="rounds"):
        pydl.profile(nn.Linear(2, 2), (1, 2), rounds=0)
