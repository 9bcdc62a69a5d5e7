"""pydl lab band: for which inputs a sigmoid neuron does not diminish a gradient."""

import numpy as np
import pytest

from pydl import lab
from pydl.cli import main
from pydl.lab import band


@pytest.mark.parametrize(("w", "b"), [(4.0, 0.0), (6.9, 0.0), (6.9, 2.5), (-6.9, 2.5), (100.0, -50.0), (-4.5, -1.0)])
def test_a_gradient_passes_in_the_band_and_nowhere_else(w, b):
    low, high = lab.unsaturated_band(w, b)
    x = np.linspace(low - 0.5, high + 0.5, 4001)
    s = 1 / (1 + np.exp(-(w * x + b)))
    passes = np.abs(w * s * (1 - s)) >= 1
    clear = np.minimum(np.abs(x - low), np.abs(x - high)) > 1e-6
    np.testing.assert_array_equal(passes[clear], ((low <= x) & (x <= high))[clear])


def test_no_band():
    assert lab.unsaturated_band(3.999) is None
    assert lab.unsaturated_band(-3.999, 7) is None
    assert lab.unsaturated_band(4, 2) == (-0.5, -0.5)


def test_widest_band_to_ten_digits():
    w, width = lab.widest_band()
    tried_w, tried_width = band.brute_force_widest_band()
    assert abs(w - tried_w) < 1e-11
    assert abs(width - tried_width) < 1e-11
    assert w == pytest.approx(6.9, abs=0.05)
    assert width == pytest.approx(0.45, abs=0.005)


def test_command(tmp_path, capsys):
    assert main(["lab", "band", "--out", str(tmp_path)]) == 0
    w, width = lab.widest_band()
    assert f"{width:.10f}, at |w| = {w:.10f}" in capsys.readouterr().out
    assert (tmp_path / "band.png").stat().st_size > 5_000
