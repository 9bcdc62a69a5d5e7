import numpy as np
import pytest
from checks import check_gradient, check_refused, check_torch, torch

from pydl import nn
from pydl.ops.margin_ranking_loss import margin_ranking_loss

RNG = np.random.default_rng(0)
SIGNS = np.array([1, -1, -1, 1, -1])


def test_worked_by_hand():
    loss = margin_ranking_loss(np.array([3.0, 1.0, 1.0]), np.array([1.0, 3.0, 0.5]), [1, 1, -1], 1.0, "none")
    assert loss.tolist() == [0.0, 3.0, 1.5]


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("margin", [0.0, 0.7])
def test_torch(reduction, margin):
    options = {"margin": margin, "reduction": reduction}
    check_torch(
        lambda a, b: margin_ranking_loss(a, b, SIGNS, **options),
        lambda a, b: torch.nn.functional.margin_ranking_loss(a, b, torch.tensor(SIGNS), **options),
        *RNG.standard_normal((2, 5)),
    )


def test_gradient():
    check_gradient(lambda a, b: margin_ranking_loss(a, b, SIGNS, 0.5), *RNG.standard_normal((2, 5)))


def test_layer():
    a, b = RNG.standard_normal((2, 5))
    assert (
        nn.MarginRankingLoss(0.2, reduction="sum")(a, b, SIGNS).item()
        == margin_ranking_loss(a, b, SIGNS, 0.2, "sum").item()
    )


X = np.ones(5, np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: margin_ranking_loss(X, X[:4], SIGNS), ValueError, "input1 has shape (5,) but input2 has (4,)"),
        (lambda: margin_ranking_loss(X, X, SIGNS[:1]), ValueError, "target has shape (1,) but must have (5,)"),
        (lambda: margin_ranking_loss(X, X, SIGNS * 0), ValueError, "target must hold 1 and -1 and nothing else"),
        (lambda: margin_ranking_loss(X, X, SIGNS, "1"), TypeError, "margin must be a number, not '1'"),
    ],
)
def test_refuses(call, error, message):
    check_refused(call, error, f"margin_ranking_loss: {message}")
