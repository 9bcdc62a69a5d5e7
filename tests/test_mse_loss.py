import losses
import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_refused

import pydl
from pydl.ops.mse_loss import mse_loss, mse_loss_backward, mse_loss_forward

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("kernel", [mse_loss_forward, mse_loss_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_worked_by_hand():
    x = pydl.tensor([1.0, -2.0], requires_grad=True)
    t = pydl.tensor([3.0, -3.0], requires_grad=True)
    loss = mse_loss(x, t)
    assert loss.item() == 2.5
    loss.backward()
    assert x.grad.tolist() == [-2.0, 1.0]
    assert t.grad.tolist() == [-each for each in x.grad.tolist()]


@pytest.mark.parametrize("reduction", losses.REDUCTIONS)
@pytest.mark.parametrize("shape", losses.SHAPES, ids=str)
def test_torch(shape, reduction):
    x, t = (np.array(RNG.standard_normal(shape)) for _ in range(2))
    losses.check_reduction(mse_loss, x, t, reduction)


@pytest.mark.parametrize("reduction", losses.REDUCTIONS)
def test_gradient(reduction):
    x, t = RNG.standard_normal((3, 4)), RNG.standard_normal((3, 4))
    check_gradient(lambda x, t: mse_loss(x, t, reduction), x, t)


def test_special_values_as_in_torch():
    losses.check_special_values(mse_loss)


def test_any_strides():
    losses.check_any_strides(mse_loss)


def test_mean_of_many_is_exact_in_float32():
    losses.check_mean_of_many_is_exact_in_float32(mse_loss)


def test_of_nothing():
    losses.check_of_nothing(mse_loss)


@pytest.mark.parametrize(("call", "error", "message"), losses.wrong_calls(mse_loss))
def test_refuses(call, error, message):
    check_refused(call, error, f"mse_loss: {message}")
