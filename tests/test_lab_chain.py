"""pydl lab chain: one bias is nudged, and the change is followed."""

import json

import numpy as np
import pytest

from pydl.cli import main
from pydl.lab import chain


@pytest.mark.parametrize("activation", chain.ACTIVATIONS)
@pytest.mark.parametrize("depth", [1, 4, 9])
def test_measured_product_and_backward_agree(activation, depth):
    seed = 0 if activation != "relu" else {1: 2, 4: 104, 9: 104}[depth]
    figures = chain.follow(chain.random_chain(depth, activation, 1.0, seed), 1e-5)
    assert figures["gradient_product"] == pytest.approx(figures["gradient_backward"], rel=1e-12)
    assert figures["gradient_measured"] == pytest.approx(figures["gradient_backward"], rel=1e-6, abs=1e-11)
    np.testing.assert_allclose(figures["change_measured"], figures["change_followed"], rtol=1e-6, atol=1e-15)


def test_four_layers_by_hand():
    figures = chain.follow(chain.random_chain(4, "sigmoid", 1.0, 3), 1e-4)
    random = np.random.default_rng(3).standard_normal((2, 4))
    (w1, w2, w3, w4), (b1, b2, b3, b4) = random

    def s(z):
        return 1 / (1 + np.exp(-z))

    a1 = s(w1 * 0.5 + b1)
    a2 = s(w2 * a1 + b2)
    a3 = s(w3 * a2 + b3)
    a4 = s(w4 * a3 + b4)
    by_hand = a1 * (1 - a1) * w2 * a2 * (1 - a2) * w3 * a3 * (1 - a3) * w4 * a4 * (1 - a4) * (a4 - 1)
    assert figures["gradient_backward"] == pytest.approx(by_hand, rel=1e-12)


def test_w_100_explodes():
    figures = chain.follow(chain.exploding_chain(5), 1e-9)
    assert figures["z"] == [0.0] * 5
    assert figures["gradient_backward"] == pytest.approx(0.25 * 25**4 * (0.5 - 1), rel=1e-12)
    assert figures["gradient_measured"] == pytest.approx(figures["gradient_backward"], rel=1e-3)


def test_sigmoids_keep_below_their_bound():
    factors = chain.typical_factors(10, "sigmoid", 1.0, 501, 0)
    assert np.all(np.diff(np.log(factors)) < np.log(0.25))  # the median |w| is 0.67
    assert chain.typical_factors(10, "tanh", 1.0, 501, 0)[-1] > 1000 * factors[-1]


def test_command(tmp_path, capsys):
    assert main(["lab", "chain", "--out", str(tmp_path), "--depth", "3", "--activation", "tanh"]) == 0
    out = capsys.readouterr().out
    assert "Nudging b1 of a chain of 3 gives" in out
    figures = json.loads((tmp_path / "metrics.json").read_text())
    assert len(figures["chain"]["z"]) == 3
    assert figures["settings"] == {"depth": 3, "activation": "tanh", "scale": 1.0, "nudge": 1e-3, "seed": 0}
    assert (tmp_path / "chain.png").stat().st_size > 5_000


def test_wrong_calls(capsys):
    assert main(["lab", "chain", "--depth", "0"]) == 2
    assert "--depth: must be from 1 to 100, not 0" in capsys.readouterr().err
    assert main(["lab", "chain", "--scale", "nan"]) == 2
    assert "--scale: must be above 0" in capsys.readouterr().err
