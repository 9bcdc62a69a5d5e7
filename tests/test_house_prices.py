"""The recipe house-prices on made houses: it beats the line, leaves what it promises, and predicts from a CSV file."""

from __future__ import annotations

import json
import re

import pytest

from pydl.cli import main


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("house-prices")
    assert main(["train", "house-prices", "--data", "sample", "--epochs", "12", "--out", str(folder)]) == 0
    return folder


def test_figures_and_pictures(trained):
    figures = json.loads((trained / "metrics.json").read_text())
    assert figures["test_rmse_log"] < 0.15  # the noise alone is 0.08
    assert figures["folds_rmse_log"] < 0.15
    assert 0.08 < figures["baseline_ridge_folds_rmse_log"] < 0.15
    assert figures["settings"] == {"data": "sample", "epochs": 12, "seed": 0}
    assert figures["training_sales"] == 480
    pytest.importorskip("matplotlib")
    for name in ("learning-curve.png", "prices.png", "what-matters.png"):
        assert (trained / name).stat().st_size > 10_000


def test_prediction(trained, capsys):
    assert main(["predict", str(trained / "model.safetensors"), str(trained / "examples.csv")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8
    price, paid = (float(number.replace(",", "")) for number in re.findall(r"(?:row 2|paid): ([\d,]+)", lines[0]))
    assert 0.6 < price / paid < 1.6
    (trained / "bad.csv").write_text("Lot_Area\n5\n")
    assert main(["predict", str(trained / "model.safetensors"), str(trained / "bad.csv")]) == 1
    assert "lacks the columns" in capsys.readouterr().out
    (trained / "empty.csv").write_text("")
    files = [str(trained / name) for name in ("none.csv", "empty.csv")]
    assert main(["predict", str(trained / "model.safetensors"), *files]) == 1
    none, empty = capsys.readouterr().out.splitlines()  # each names its file once
    assert none == f"{files[0]}: there is no such file"
    assert empty.startswith(f"{files[1]}: has no rows; ")


def test_resumed_settings_cannot_change(trained, capsys):
    assert main(["train", "house-prices", "--out", str(trained), "--resume", "--epochs", "3"]) == 2
    assert "--epochs 12, not 3" in capsys.readouterr().err
