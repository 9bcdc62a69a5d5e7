"""pydl lab vanishing: learning speeds of layers, and gradient_flow, which measures them."""

import json

import numpy as np
import pytest

from pydl import lab, nn, tensor
from pydl.cli import main
from pydl.lab import vanishing
from pydl.lab.digits import load_digits
from pydl.random import manual_seed


def test_gradient_flow_by_hand():
    model = nn.Sequential(nn.Linear(2, 1), nn.Linear(1, 1, bias=False))
    model[0].weight.data[...] = [[1.0, 2.0]]
    model[1].weight.data[...] = 3.0
    model[0].weight.grad = tensor([[5.0, 5.0]])
    loss = model(np.array([[3.0, 4.0]], np.float32)).sum()
    flow = lab.gradient_flow(model, loss)
    b = model[0].bias.item()
    assert flow == pytest.approx({"0.weight": 15.0, "0.bias": 3.0, "1.weight": 11 + b}, rel=1e-6)
    assert model[0].weight.grad.tolist() == [[5.0, 5.0]], "gradients that were there stay"
    assert model[0].bias.grad is None


@pytest.mark.parametrize(
    ("model", "loss", "message"),
    [
        (3, tensor(1.0), "gradient_flow: model must be a Module, not int"),
        (nn.Linear(2, 2), 1.0, "gradient_flow: loss must be a Tensor of one number, not float"),
        (nn.Linear(2, 2), tensor([1.0, 2.0]), r"gradient_flow: loss must be one number, but its shape is \(2,\)"),
    ],
)
def test_gradient_flow_refuses(model, loss, message):
    with pytest.raises((TypeError, ValueError), match=message):
        lab.gradient_flow(model, loss)


def test_speeds_vanish_and_are_cured():
    digits = load_digits(1000)
    ratios = {}
    for cure in vanishing.CURES:
        manual_seed(1)
        layers = vanishing.speeds(vanishing.network(20, cure), digits)
        assert len(layers) == 20
        ratios[cure] = layers[1] / layers[-1]
    assert ratios["sigmoid"] < 0.25**15
    assert ratios["sigmoid, Xavier"] < 1e-6
    for cure in ("tanh, Xavier", "ReLU, He", "sigmoid, batch norm", "tanh, residual"):
        assert 0.02 < ratios[cure] < 50, cure


def test_command(tmp_path, capsys):
    command = ["lab", "vanishing", "--out", str(tmp_path), "--depths", "2", "8", "--epochs", "2", "--images", "1000"]
    assert main(command) == 0
    assert "Of 8 hidden layers of sigmoids the second learns" in capsys.readouterr().out
    figures = json.loads((tmp_path / "metrics.json").read_text())
    assert figures["accuracy"]["tanh, residual"][1] > 0.6 > 0.2 > figures["accuracy"]["sigmoid"][1]
    assert (tmp_path / "vanishing.png").stat().st_size > 5_000


def test_wrong_calls(capsys):
    assert main(["lab", "vanishing", "--depths", "1"]) == 2
    assert "--depths: must be from 2 to 100, not 1" in capsys.readouterr().err
    assert main(["lab", "vanishing", "--images", "9999"]) == 2
    assert "--images: must be from 1 to 4000, not 9999" in capsys.readouterr().err
