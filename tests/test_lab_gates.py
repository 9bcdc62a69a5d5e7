"""pydl lab gates: its sequences, the gates by formula, and what a trained LSTM does with them."""

import json

import numpy as np
import pytest

from pydl import nn
from pydl.cli import main
from pydl.lab import gates
from pydl.lab.memory_tasks import recall


def test_recall_sequences():
    x, wanted = recall(np.random.default_rng(0), 30, 9)
    assert x.shape == (30, 9, 3)
    for n in range(9):
        kept = 0.0
        for (number, keep, ask), right in zip(x[:, n], wanted[:, n, 0], strict=True):
            kept = number if keep else kept
            assert right == (kept if ask else 0)


def test_gates_make_the_layers_states():
    layer = nn.LSTM(3, 5)
    x, _ = recall(np.random.default_rng(1), 12, 4)
    inside = gates.look_inside(layer, x)
    output, (_, last) = layer(x)
    np.testing.assert_allclose(inside["o"] * np.tanh(inside["c"]), output.data, atol=1e-5)
    np.testing.assert_allclose(inside["c"][-1], last.data[0], atol=1e-5)


def test_the_gates_learn_to_keep_and_to_forget():
    figures = gates.measure(4, 1500, 0)
    assert figures["error_at_questions"] < figures["who_says_0"] / 4
    assert figures["error_elsewhere"] < 0.05
    assert figures["likeness"] > 0.6
    forget = figures["gates"]["f"]
    assert forget["keep"] + 0.15 < forget["other"]


def test_command(tmp_path, capsys):
    assert main(["lab", "gates", "--out", str(tmp_path), "--hidden", "2", "--steps", "3"]) == 0
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["finding"] in capsys.readouterr().out
    assert np.array(metrics["sequence"]["f"]).shape == (2, gates.T)
    assert (tmp_path / "gates.png").stat().st_size > 5_000


@pytest.mark.parametrize(("option", "most"), [("hidden", 64), ("steps", 1_000_000)])
def test_wrong_calls(capsys, option, most):
    assert main(["lab", "gates", f"--{option}", "0"]) == 2
    assert capsys.readouterr().err.strip() == f"pydl: --{option}: must be from 1 to {most}, not 0"
