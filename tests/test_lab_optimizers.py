"""pydl lab optimizers: the paths of five optimizers on three surfaces."""

import json

import numpy as np
import pytest

from pydl import lab
from pydl.cli import main
from pydl.lab import optimizers
from pydl.lab.digits import load_digits


@pytest.fixture(scope="module")
def surfaces():
    return optimizers.surfaces(load_digits(400), 0)


def test_plain_descent_in_the_valley_by_hand(surfaces):
    points, heights = optimizers.descend_path(surfaces["valley"], "plain", 10)
    rate = surfaces["valley"].rates["plain"]
    factors = np.array([1 - rate / 20, 1 - rate * 2])
    np.testing.assert_allclose(points, [np.array([-9, 1.8]) * factors**i for i in range(11)], rtol=1e-12)
    np.testing.assert_allclose(heights[0], 81 / 40 + 1.8**2)


def test_slopes(surfaces):
    for surface in surfaces.values():
        assert lab.gradcheck(surface.f, (np.array([0.3, 0.4]),))


def test_command(tmp_path, capsys):
    assert main(["lab", "optimizers", "--out", str(tmp_path), "--steps", "50"]) == 0
    figures = json.loads((tmp_path / "metrics.json").read_text())
    assert figures["finding"] in capsys.readouterr().out
    saddle = figures["saddle"]["arrived"]
    assert saddle["Adam"] < saddle["plain"]
    assert saddle["Adagrad"] < saddle["momentum"]
    for each in figures["a real network"]["heights"].values():
        assert each[-1] < 0.5 * each[0]
    assert (tmp_path / "optimizers.png").stat().st_size > 5_000


def test_wrong_calls(capsys):
    assert main(["lab", "optimizers", "--steps", "0"]) == 2
    assert "--steps: must be from 1 to 10000, not 0" in capsys.readouterr().err
