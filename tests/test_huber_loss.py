import losses
import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_refused, check_torch

import pydl
from pydl.ops.huber_loss import huber_loss, huber_loss_backward, huber_loss_forward

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("kernel", [huber_loss_forward, huber_loss_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_worked_by_hand():
    x = pydl.tensor([1.0, -2.0, 0.5], requires_grad=True)
    t = pydl.tensor([4.0, -2.5, 0.5], requires_grad=True)
    loss = huber_loss(x, t, "sum", delta=2.0)
    assert loss.item() == 2 * (3 - 1) + 0.125
    loss.backward()
    assert x.grad.tolist() == [-2.0, 0.5, 0.0]
    assert t.grad.tolist() == [-each for each in x.grad.tolist()]


@pytest.mark.parametrize("reduction", losses.REDUCTIONS)
@pytest.mark.parametrize("shape", losses.SHAPES, ids=str)
def test_torch(shape, reduction):
    x, t = (np.array(RNG.standard_normal(shape)) for _ in range(2))
    losses.check_reduction(huber_loss, x, t, reduction)
    options = {"reduction": reduction, "delta": 0.7}
    check_torch(
        lambda x, t: huber_loss(x, t, **options), lambda x, t: losses.of_torch(huber_loss)(x, t, **options), x, t
    )


@pytest.mark.parametrize("reduction", losses.REDUCTIONS)
def test_gradient(reduction):
    x, t = RNG.standard_normal((3, 4)), RNG.standard_normal((3, 4))
    check_gradient(lambda x, t: huber_loss(x, t, reduction, 0.4), x, t)


def test_special_values_as_in_torch():
    losses.check_special_values(huber_loss)


def test_any_strides():
    losses.check_any_strides(huber_loss)


def test_mean_of_many_is_exact_in_float32():
    losses.check_mean_of_many_is_exact_in_float32(huber_loss)


def test_of_nothing():
    losses.check_of_nothing(huber_loss)


X = np.zeros(4, np.float32)
WRONG = [
    (lambda: huber_loss(X, X, delta=0), ValueError, "delta must be positive and finite, not 0"),
    (lambda: huber_loss(X, X, delta=float("nan")), ValueError, "delta must be positive and finite, not nan"),
    (lambda: huber_loss(X, X, delta="1"), TypeError, "delta must be a number, not '1'"),
]


@pytest.mark.parametrize(("call", "error", "message"), losses.wrong_calls(huber_loss) + WRONG)
def test_refuses(call, error, message):
    check_refused(call, error, f"huber_loss: {message}")
