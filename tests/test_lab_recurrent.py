"""pydl lab recurrent, and its three parts, on tiny versions."""

import json

import numpy as np
import pytest
from checks import check_refused

from pydl import lab
from pydl.cli import main
from pydl.lab import adding_problem, cliff, gradients_through_time
from pydl.lab.memory_tasks import adding, copying


def test_adding_sequences():
    x, y = adding(np.random.default_rng(0), 10, 7)
    assert x.shape == (10, 7, 2)
    np.testing.assert_array_equal(x[:5, :, 1].sum(0), 1)
    np.testing.assert_array_equal(x[5:, :, 1].sum(0), 1)
    for n in range(7):
        np.testing.assert_allclose(y[n, 0], x[x[:, n, 1] == 1, n, 0].sum(), rtol=1e-6)


def test_copying_sequences():
    x, wanted = copying(np.random.default_rng(0), 6, 3)
    shown = x.argmax(2)
    assert x.shape == (26, 3, 10)
    np.testing.assert_array_equal(x.sum(2), 1)
    np.testing.assert_array_equal(shown[:10], wanted[-10:])
    np.testing.assert_array_equal(shown[10:15], 0)
    np.testing.assert_array_equal(shown[15], 9)
    np.testing.assert_array_equal(wanted[:-10], 0)


def test_gradients_of_a_plain_network_fall_like_a_power():
    lengths = gradients_through_time.gradient_lengths("RNN", "adding", 60, None)
    assert len(lengths) == 60
    assert 0.5 < gradients_through_time.decay(lengths) < 0.75
    assert lengths[-1] / lengths[0] < 1e-9
    assert gradients_through_time.decay([2.0 * 0.9**k for k in range(30)]) == pytest.approx(0.9)


def test_recommended_first_values_hold_the_gradient():
    for kind, least in (("RNN", 0.9), ("LSTM", 0.9), ("GRU", 0.7)):
        for task in ("adding", "copying"):
            common = gradients_through_time.decay(gradients_through_time.gradient_lengths(kind, task, 40, None))
            better = gradients_through_time.gradient_lengths(kind, task, 40, "recommended")
            assert gradients_through_time.decay(better) > common, (kind, task)
            if task == "adding":
                assert gradients_through_time.decay(better) > least


def test_refuses():
    for call, message in (
        (
            lambda: lab.gradient_lengths("CNN", "adding", 9),
            "gradient_lengths: kind must be 'RNN', 'LSTM' or",
        ),
        (
            lambda: lab.gradient_lengths("RNN", "sum", 9),
            "gradient_lengths: task must be 'adding' or",
        ),
        (lambda: lab.train_adder("GRU", 1, 9), "train_adder: T must be at least 2, not 1"),
        (lambda: lab.descend_cliff(steps=0), "descend_cliff: steps must be at least 1, not 0"),
    ):
        check_refused(call, ValueError, message)


def test_gru_learns_short_sums_and_does_it_again():
    first, again = (adding_problem.train_adder("GRU", 10, 250, 0) for _ in range(2))
    assert first["test_error"] < adding_problem.SOLVED
    assert first["curve"][0] > 5 * first["curve"][-1]
    assert again["curve"] == first["curve"]


def test_cost_of_the_cliff_by_hand():
    h = 0.5
    for _ in range(50):
        h = 5.0 / (1 + np.exp(-h)) - 2.8
    assert cliff.cost(np.array([5.0]), np.array([-2.8])).item() == pytest.approx((1 / (1 + np.exp(-h)) - 0.7) ** 2)


def test_clipping_keeps_the_path_before_the_wall():
    figures = cliff.measure(200, 0.2)
    assert figures["largest_gradient"] > 50
    assert figures["largest_throw"] == pytest.approx(cliff.RATE * figures["largest_gradient"])
    assert figures["largest_step_clipped"] <= cliff.RATE * 0.2 * (1 + 1e-9)
    assert figures["lowest_cost_clipped"] < 0.006 < 0.08 < figures["final_cost"]


def test_command(tmp_path, capsys):
    options = ["--lengths", "5", "10", "--quick", "--steps", "4", "--descent-steps", "3"]
    assert main(["lab", "recurrent", "--out", str(tmp_path), *options]) == 0
    said = capsys.readouterr().out
    for name in ("gradients-through-time", "adding-problem", "cliff"):
        assert json.loads((tmp_path / name / "metrics.json").read_text())["finding"] in said
        assert (tmp_path / name / f"{name}.png").stat().st_size > 5_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["adding-problem", "--steps", "0"], "--steps: must be from 1 to 1000000, not 0"),
        (["gradients-through-time", "--lengths", "1"], "--lengths: must be from 2 to 100000, not 1"),
        (["cliff", "--max-norm", "0"], "--max-norm: must be above 0 and below 1000000, not 0"),
        (["cliff", "--descent-steps", "1"], "--descent-steps: must be from 2 to 10000, not 1"),
        (["recurrent", "--steps", "0"], "--steps: must be from 1 to 1000000, not 0"),
        (["recurrent", "--out", ""], "--out: needs the name of a folder"),
    ],
)
def test_wrong_calls(capsys, arguments, message):
    assert main(["lab", *arguments]) == 2
    assert capsys.readouterr().err.strip() == f"pydl: {message}"
