"""pydl lab batch-size: noise falls with the square root of the batch."""

import json

import numpy as np
import pytest

from pydl.cli import main
from pydl.lab import batch_size
from pydl.lab.digits import load_digits


def test_noise_is_as_the_formula_says():
    measured, expected = batch_size.noise(load_digits(300), [4, 100, 300], 60, 0)
    np.testing.assert_allclose(measured[:2], expected[:2], rtol=0.2)
    assert expected[2] == 0
    assert measured[2] < 1e-5


def test_command(tmp_path, capsys):
    command = ["lab", "batch-size", "--out", str(tmp_path), "--images", "500", "--epochs", "2", "--draws", "10"]
    assert main([*command, "--sizes", "500", "10"]) == 0
    figures = json.loads((tmp_path / "metrics.json").read_text())
    assert figures["finding"] in capsys.readouterr().out
    small, large = (curve["test_loss"][-1] for curve in figures["curves"])
    assert small < 1.5 < large
    assert (tmp_path / "batch-size.png").stat().st_size > 5_000


@pytest.mark.parametrize("sizes", [["0"], ["4001"], ["1", "2", "3", "4", "5", "6", "7"]])
def test_wrong_calls(capsys, sizes):
    assert main(["lab", "batch-size", "--sizes", *sizes]) == 2
    assert "--sizes: must be at most 6 sizes from 1 to 4000" in capsys.readouterr().err
