import losses
import numpy as np
import pytest
from checks import check_kernel, check_refused
from losses import X

import pydl
from pydl.ops.binary_cross_entropy import (
    binary_cross_entropy,
    binary_cross_entropy_backward,
    binary_cross_entropy_forward,
)


@pytest.mark.parametrize("kernel", [binary_cross_entropy_forward, binary_cross_entropy_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_worked_by_hand():
    x = pydl.tensor([0.25, 0.75], dtype=np.float64, requires_grad=True)
    loss = binary_cross_entropy(x, np.array([1.0, 0.0]))
    np.testing.assert_allclose(loss.item(), (np.log(4) + np.log(4)) / 2)
    loss.backward()
    np.testing.assert_allclose(x.grad.numpy(), [-2.0, 2.0])


@pytest.mark.parametrize("reduction", losses.REDUCTIONS)
@pytest.mark.parametrize("shape", losses.SHAPES, ids=str)
def test_torch(shape, reduction):
    losses.check_weighted(binary_cross_entropy, shape, reduction)


@pytest.mark.parametrize("reduction", losses.REDUCTIONS)
def test_gradient(reduction):
    losses.check_weighted_gradient(binary_cross_entropy, reduction)


def test_weight_has_no_gradient():
    losses.check_weight_has_no_gradient(binary_cross_entropy)


def test_certainty_as_in_torch():
    x = np.array([0.0, 0.0, 1.0, 1.0, 1e-7, 0.5, 0.0], np.float32)
    t = np.array([0.0, 1.0, 0.0, 1.0, 1.0, 0.25, 0.5], np.float32)
    losses.check_values(binary_cross_entropy, x, t, value={"rtol": 1e-6}, gradient={"rtol": 1e-6})


def test_any_strides():
    losses.check_any_strides(binary_cross_entropy)


def test_mean_of_many_is_exact_in_float32():
    losses.check_mean_of_many_is_exact_in_float32(binary_cross_entropy)


def test_of_nothing():
    losses.check_of_nothing(binary_cross_entropy)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        *losses.wrong_calls(binary_cross_entropy),
        *losses.wrong_weights(binary_cross_entropy),
        (lambda: binary_cross_entropy(X, -X), ValueError, "target must lie between 0 and 1 but has -0.5 to -0.5"),
        (lambda: binary_cross_entropy(X * 3, X), ValueError, "input must lie between 0 and 1 but has 1.5 to 1.5;"),
        (lambda: binary_cross_entropy(X * np.nan, X), ValueError, "input must lie between 0 and 1 but has nan"),
    ],
)
def test_refuses(call, error, message):
    check_refused(call, error, f"binary_cross_entropy: {message}")


def test_captured_it_refuses_too():
    captured = pydl.capture(binary_cross_entropy)
    x = np.full(40, 0.5, np.float32)
    for _ in range(3):
        captured(pydl.tensor(x), pydl.tensor(x))
    for k, wrong in ((0, 1.5), (17, -0.5), (39, np.nan)):  # in a whole vector and behind all of them
        x[k] = wrong
        check_refused(lambda: captured(pydl.tensor(x), pydl.tensor(x)), ValueError, "binary_cross_entropy")
        x[k] = 0.5
    captured(pydl.tensor(x), pydl.tensor(x))
