"""pydl lab receptive-fields: formula and measurement."""

import json

import numpy as np
import pytest

from pydl.cli import main
from pydl.lab import receptive_fields


def test_formula_by_hand():
    plain, pooled = receptive_fields.BLOCKS.values()
    assert [receptive_fields.formula(plain, n) for n in (1, 2, 3)] == [3, 5, 7]
    assert [receptive_fields.formula(pooled, n) for n in (1, 2, 3)] == [4, 10, 22]
    assert receptive_fields.formula([("conv", 5, 2), ("conv", 3, 1)], 1) == 9


@pytest.mark.parametrize("block", [*receptive_fields.BLOCKS.values(), [("conv", 5, 2), ("conv", 3, 1)]])
def test_measured_as_the_formula_says(block):
    map = receptive_fields.sensitivity(block, 2, 2, 0)
    assert receptive_fields.extent(map) == receptive_fields.formula(block, 2)
    # In the middle of its frame.
    np.testing.assert_array_equal(map > 0, (map > 0)[::-1, ::-1])


def test_command(tmp_path, capsys):
    assert main(["lab", "receptive-fields", "--out", str(tmp_path), "--depth", "3", "--draws", "5"]) == 0
    assert "sees 7 pixels across, with pooling between them 22, as the formula says" in capsys.readouterr().out
    figures = json.loads((tmp_path / "metrics.json").read_text())
    assert figures["3x3 convolutions"]["core"][-1] > 0.3
    assert (tmp_path / "receptive-fields.png").stat().st_size > 5_000


def test_wrong_calls(capsys):
    assert main(["lab", "receptive-fields", "--depth", "7"]) == 2
    assert "--depth: must be from 1 to 6, not 7" in capsys.readouterr().err
