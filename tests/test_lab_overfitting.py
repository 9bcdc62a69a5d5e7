"""pydl lab overfitting: learned by heart, and five cures."""

import json

import pytest

from pydl.cli import main
from pydl.lab import overfitting


def test_command(tmp_path, capsys):
    assert main(["lab", "overfitting", "--out", str(tmp_path), "--images", "60", "--rounds", "25"]) == 0
    figures = json.loads((tmp_path / "metrics.json").read_text())
    assert figures["finding"] in capsys.readouterr().out
    plain, stopped = figures["nothing"], figures["early stopping"]
    assert plain["train_accuracy"] > 0.98 > 0.8 > plain["test_accuracy"] > 0.4
    assert plain["validation_loss"] == stopped["validation_loss"]
    best = max(stopped["validation_accuracy"])
    assert stopped["validation_accuracy"][stopped["kept_round"] - 1] == best
    assert figures["more data"]["test_accuracy"] > plain["test_accuracy"] + 0.05
    assert len(figures) == len(overfitting.CURES) + 2
    assert figures["settings"] == {"data": "mnist-5k", "images": 60, "rounds": 25, "repeats": 1, "seed": 0}
    assert (tmp_path / "overfitting.png").stat().st_size > 5_000


@pytest.mark.parametrize(("option", "value"), [("--images", "9"), ("--images", "331"), ("--rounds", "0")])
def test_wrong_calls(capsys, option, value):
    assert main(["lab", "overfitting", option, value]) == 2
    assert capsys.readouterr().err.startswith(f"pydl: {option}: must be ")
