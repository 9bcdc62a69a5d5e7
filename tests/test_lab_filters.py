"""pydl lab filters: learned filters are no noise."""

import json

import numpy as np
import pytest

from pydl.cli import main
from pydl.lab import filters


def test_likeness():
    noise = np.random.default_rng(0).standard_normal((400, 1, 5, 5))
    assert abs(filters.likeness(noise)) < 0.06
    slope = np.broadcast_to(np.arange(5.0), (1, 1, 5, 5))
    assert filters.likeness(slope) > 0.5
    board = (np.indices((5, 5)).sum(axis=0) % 2 * 2.0 - 1)[None, None]
    assert filters.likeness(board) == pytest.approx(-1, abs=0.01)


def test_the_piece_that_excites_most():
    images = np.random.default_rng(0).random((3, 1, 28, 28))
    maps = np.zeros((3, 2, 24, 24))
    maps[1, 0, 7, 20] = maps[2, 1, 0, 3] = 1
    found = filters.patches(maps, images)
    np.testing.assert_array_equal(found[0], images[1, 0, 7:12, 20:25])
    np.testing.assert_array_equal(found[1], images[2, 0, 0:5, 3:8])


def test_command(tmp_path, capsys):
    assert main(["lab", "filters", "--out", str(tmp_path), "--epochs", "3", "--images", "1500"]) == 0
    figures = json.loads((tmp_path / "metrics.json").read_text())
    assert figures["finding"] in capsys.readouterr().out
    assert figures["likeness_after"] > figures["likeness_before"] + 0.1
    assert figures["test_accuracy_after"] > 0.8
    assert (tmp_path / "filters.png").stat().st_size > 5_000
