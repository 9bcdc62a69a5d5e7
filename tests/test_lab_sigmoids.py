"""pydl lab sigmoids: the sum of shifted sigmoids becomes softplus."""

import json
import sys

import numpy as np
import pytest

from pydl.cli import main
from pydl.lab import sigmoids


def test_the_sum_goes_to_softplus_as_the_biases_close_up():
    figures = sigmoids.measure([1.0, 0.5, 0.25])
    # The midpoint rule on a half-line leaves h^2/24 of the slope at its end, which is 1/4 at most.
    bounds = [h * h / 96 for h in figures["spacing"]]
    np.testing.assert_allclose(figures["largest_difference_from_softplus"], bounds, rtol=0.03)
    assert figures["softplus_from_relu"] == pytest.approx(np.log(2), rel=1e-9)
    assert figures["slope_of_softplus_at_3"] == pytest.approx(1 / (1 + np.exp(-3)), rel=1e-6)


def test_two_sigmoids_by_hand():
    x = np.array([0.0, 3.0])
    biases = np.arange(10.0, 40, 20)
    assert biases.tolist() == [10, 30]
    expected = [20 * sum(1 / (1 + np.exp(-(each - b))) for b in biases) for each in x]
    np.testing.assert_allclose(sigmoids.shifted_sum(x, 20.0), expected, rtol=1e-12)


def test_command(tmp_path, capsys):
    assert main(["lab", "sigmoids", "--out", str(tmp_path), "--spacing", "2"]) == 0
    figures = json.loads((tmp_path / "metrics.json").read_text())
    assert figures["finding"] in capsys.readouterr().out
    assert "2 apart" in figures["finding"]
    assert (tmp_path / "sigmoids.png").stat().st_size > 5_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "there is no experiment 'nothing'; the experiments are "),
        (["sigmoids", "--spacing", "0"], "--spacing: must be from 0.01 to 40, not 0"),
        (["sigmoids", "--seed", "-1"], "--seed: the seed must be at least 0, not -1"),
        (["sigmoids", "--out", ""], "--out: needs the name of a folder"),
        (["sigmoids", "--out", __file__], "is a file, not a folder"),
    ],
)
def test_wrong_calls(capsys, arguments, message):
    assert main(["lab", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_without_matplotlib(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["lab", "sigmoids", "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == "pydl: Pictures need matplotlib: pip install 'pydl-cpu[plot]'\n"
    assert not (tmp_path / "out").exists()
