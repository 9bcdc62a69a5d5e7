"""pydl lab dropout: weights times (1 - p) stand for the average of all thinned networks."""

import json

import numpy as np
import pytest

from pydl.cli import main
from pydl.lab import dropout


def test_all_masks():
    masks, chances = dropout.all_masks(2, 0.25)
    assert masks.tolist() == [[0, 0], [1, 0], [0, 1], [1, 1]]
    assert chances.tolist() == [0.0625, 0.1875, 0.1875, 0.5625]


@pytest.mark.parametrize("p", [0.5, 0.2, 0.9])
def test_exact_for_linear_and_softmax_not_for_sigmoid(p):
    found = dropout.units(p, 3)
    assert sum(found["chances"]) == pytest.approx(1, rel=1e-12)
    assert found["linear"][0] == pytest.approx(found["linear"][1], rel=1e-12)
    np.testing.assert_allclose(*found["softmax"], rtol=1e-10)
    average, scaled = found["sigmoid"]
    assert 1e-5 < abs(average - scaled) < 0.1


def test_command(tmp_path, capsys):
    command = ["lab", "dropout", "--out", str(tmp_path), "--epochs", "4", "--members", "20", "--images", "1000"]
    assert main(command) == 0
    figures = json.loads((tmp_path / "metrics.json").read_text())
    assert figures["finding"] in capsys.readouterr().out
    network = figures["network"]
    assert np.mean(network["single"]) + 0.02 < network["scaled"]
    assert abs(network["average_of_first"][-1] - network["scaled"]) < 0.05
    assert (tmp_path / "dropout.png").stat().st_size > 5_000


def test_wrong_calls(capsys):
    assert main(["lab", "dropout", "--p", "1"]) == 2
    assert "--p: must be between 0 and 1, not 1" in capsys.readouterr().err
