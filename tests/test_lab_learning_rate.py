"""pydl lab learning-rate: too small, right, too large."""

import json

import pytest

from pydl.cli import main
from pydl.lab import learning_rate


def test_means_of_the_last_losses():
    assert learning_rate.smooth([4.0, 2.0, 6.0, 1.0], over=2) == [4.0, 3.0, 4.0, 3.5]


def test_command(tmp_path, capsys):
    command = ["lab", "learning-rate", "--out", str(tmp_path), "--epochs", "3", "--images", "1000"]
    assert main([*command, "--rates", "1000", "0.001", "0.3"]) == 0
    figures = json.loads((tmp_path / "metrics.json").read_text())
    assert figures["rate"] == [0.001, 0.3, 1000]
    small, right, large = figures["final_loss"]
    assert large is None or large > 2
    assert right < 1 < 2 < small
    assert learning_rate.three(figures) == (0, 1, 2)
    assert "0.3 ends at a loss of" in capsys.readouterr().out
    assert (tmp_path / "learning-rate.png").stat().st_size > 5_000


@pytest.mark.parametrize("rates", [["0"], ["-1", "1"], ["nan"], ["inf"]])
def test_wrong_rates(capsys, rates):
    assert main(["lab", "learning-rate", "--rates", *rates]) == 2
    assert "--rates: must be above 0 and finite" in capsys.readouterr().err
