import losses
import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_refused

import pydl
from pydl.ops.binary_cross_entropy_with_logits import (
    binary_cross_entropy_with_logits,
    binary_cross_entropy_with_logits_backward,
    binary_cross_entropy_with_logits_forward,
)

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    "kernel",
    [binary_cross_entropy_with_logits_forward, binary_cross_entropy_with_logits_backward],
    ids=lambda k: k.name,
)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_worked_by_hand():
    x = pydl.tensor([-np.log(3.0), np.log(3.0)], dtype=np.float64, requires_grad=True)
    loss = binary_cross_entropy_with_logits(x, np.array([1.0, 0.0]))
    np.testing.assert_allclose(loss.item(), (np.log(4) + np.log(4)) / 2)
    loss.backward()
    np.testing.assert_allclose(x.grad.numpy(), [-0.375, 0.375])


@pytest.mark.parametrize("reduction", losses.REDUCTIONS)
@pytest.mark.parametrize("shape", losses.SHAPES, ids=str)
def test_torch(shape, reduction):
    losses.check_weighted(binary_cross_entropy_with_logits, shape, reduction)


@pytest.mark.parametrize("reduction", losses.REDUCTIONS)
def test_gradient(reduction):
    losses.check_weighted_gradient(binary_cross_entropy_with_logits, reduction)


def test_weight_has_no_gradient():
    losses.check_weight_has_no_gradient(binary_cross_entropy_with_logits)


def test_pos_weight():
    torch = pytest.importorskip("torch")
    x, t, v = RNG.standard_normal((5, 3)), RNG.uniform(0, 1, (5, 3)), np.array([0.5, 1.0, 4.0])
    torch_loss = torch.nn.functional.binary_cross_entropy_with_logits
    mine, theirs = pydl.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y = binary_cross_entropy_with_logits(mine, t, pos_weight=v)
    z = torch_loss(theirs, torch.tensor(t), pos_weight=torch.tensor(v))
    y.backward()
    z.backward()
    np.testing.assert_allclose(y.item(), z.item(), rtol=1e-14)
    assert binary_cross_entropy_with_logits(mine, t, None, "mean", pydl.tensor(v)).item() == y.item()
    np.testing.assert_allclose(mine.grad.numpy(), theirs.grad.numpy(), rtol=1e-13)
    check_gradient(lambda x, t: binary_cross_entropy_with_logits(x, t, None, "sum", v), x, t)


def test_scores_of_any_size_as_in_torch():
    x = np.repeat(np.array([-3e38, -1e3, -90, -1e-6, 0, 30, 1e3, np.inf, -np.inf, np.nan], np.float32), 2)
    t = np.tile(np.array([0, 1], np.float32), 10)
    # PyTorch computes 1 - sigmoid(x), which is 0 for large x.
    tolerances = {"value": {"rtol": 1e-6, "atol": 1e-37}, "gradient": {"rtol": 1e-6, "atol": 1e-7}}
    losses.check_values(binary_cross_entropy_with_logits, x, t, **tolerances)


def test_any_strides():
    losses.check_any_strides(binary_cross_entropy_with_logits)


def test_mean_of_many_is_exact_in_float32():
    losses.check_mean_of_many_is_exact_in_float32(binary_cross_entropy_with_logits)


def test_of_nothing():
    losses.check_of_nothing(binary_cross_entropy_with_logits)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        *losses.wrong_calls(binary_cross_entropy_with_logits),
        *losses.wrong_weights(binary_cross_entropy_with_logits),
    ],
)
def test_refuses(call, error, message):
    check_refused(call, error, f"binary_cross_entropy_with_logits: {message}")
