"""pydl lab losses: cross-entropy learns from wrong answers, squared error after softmax hardly."""

import json

import numpy as np
import pytest

from pydl import lab
from pydl.cli import main
from pydl.lab import losses


def test_gradients_of_both_costs_by_hand():
    z, y = np.random.default_rng(0).standard_normal((3, 10)), np.array([2, 0, 9])
    for cost in losses.COSTS.values():
        assert lab.gradcheck(lambda z, cost=cost: cost(z, y), (z,))
    margin = -5.0
    a = np.exp(np.where(np.arange(10) == 0, margin, 0.0))
    a /= a.sum()
    e = a - (np.arange(10) == 0)
    sizes = losses.gradient_sizes(np.array([margin]))
    assert sizes["cross-entropy"] == [pytest.approx(np.linalg.norm(e), rel=1e-9)]
    assert sizes["squared error"] == [pytest.approx(np.linalg.norm(a * (e - a @ e)), rel=1e-6)]


def test_squared_error_is_flat_where_the_network_is_sure_and_wrong():
    sizes = losses.gradient_sizes(np.array([-10.0, 0.0, 10.0]))
    assert sizes["cross-entropy"][0] > 1
    assert sizes["squared error"][0] < 1e-5
    assert sizes["squared error"][1] > sizes["squared error"][0]


def test_command(tmp_path, capsys):
    assert main(["lab", "losses", "--out", str(tmp_path), "--epochs", "3", "--images", "1000"]) == 0
    figures = json.loads((tmp_path / "metrics.json").read_text())
    assert figures["finding"] in capsys.readouterr().out
    first, second = (figures["test_accuracy"][name] for name in losses.COSTS)
    assert first[0] == second[0] < 0.2
    assert first[1] > second[1] + 0.2
    assert (tmp_path / "losses.png").stat().st_size > 5_000
