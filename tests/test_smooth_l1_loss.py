import losses
import numpy as np
import pytest
from checks import check_gradient, check_refused, check_torch

import pydl
from pydl.ops.l1_loss import l1_loss
from pydl.ops.smooth_l1_loss import smooth_l1_loss

RNG = np.random.default_rng(0)


def test_worked_by_hand():
    x = pydl.tensor([1.0, -2.0, 0.5], requires_grad=True)
    loss = smooth_l1_loss(x, [4.0, -2.5, 0.5], "sum", beta=2.0)
    assert loss.item() == (3 - 1) + 0.0625
    loss.backward()
    assert x.grad.tolist() == [-1.0, 0.25, 0.0]


@pytest.mark.parametrize("reduction", losses.REDUCTIONS)
@pytest.mark.parametrize("shape", losses.SHAPES, ids=str)
def test_torch(shape, reduction):
    x, t = (np.array(RNG.standard_normal(shape)) for _ in range(2))
    for beta in (1.0, 0.3, 0.0):
        options = {"reduction": reduction, "beta": beta}
        check_torch(
            lambda x, t, o=options: smooth_l1_loss(x, t, **o),
            lambda x, t, o=options: losses.of_torch(smooth_l1_loss)(x, t, **o),
            x,
            t,
        )


def test_gradient():
    x, t = RNG.standard_normal((3, 4)), RNG.standard_normal((3, 4))
    check_gradient(lambda x, t: smooth_l1_loss(x, t, "mean", 0.4), x, t)


def test_special_values_as_in_torch():
    losses.check_special_values(smooth_l1_loss)


def test_without_a_bend_it_is_l1_loss():
    x, t = RNG.standard_normal((2, 50))
    assert smooth_l1_loss(x, t, beta=0).item() == l1_loss(x, t).item()


X = np.zeros(4, np.float32)
WRONG = [(lambda: smooth_l1_loss(X, X, beta=-1), ValueError, "beta must be positive and finite, not -1")]


@pytest.mark.parametrize(("call", "error", "message"), losses.wrong_calls(smooth_l1_loss) + WRONG)
def test_refuses(call, error, message):
    check_refused(call, error, f"smooth_l1_loss: {message}")
