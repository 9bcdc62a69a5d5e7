import losses
import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_refused, check_torch, torch

import pydl
from pydl.ops import log_softmax, softmax
from pydl.ops.kl_div import kl_div, kl_div_backward, kl_div_forward

RNG = np.random.default_rng(0)
REDUCTIONS = ["none", "mean", "sum", "batchmean"]
pytestmark = pytest.mark.filterwarnings("ignore:reduction:UserWarning")  # PyTorch's, about "mean"


@pytest.mark.parametrize("kernel", [kl_div_forward, kl_div_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_worked_by_hand():
    """A fair coin, said to fall on one side three times in four."""
    x = pydl.tensor(np.log([[0.75, 0.25]]), requires_grad=True)
    loss = kl_div(x, np.array([[0.5, 0.5]]), "batchmean")
    assert loss.item() == pytest.approx(0.5 * np.log(0.5 / 0.75) + 0.5 * np.log(0.5 / 0.25))
    loss.backward()
    assert x.grad.tolist() == [[-0.5, -0.5]]


def distributions(*shape):
    """Log-probabilities and probabilities."""
    return (make(RNG.standard_normal(shape), -1).numpy() for make in (log_softmax, softmax))


@pytest.mark.parametrize("log_target", [False, True])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(8,), (5, 3), (70, 70), (2, 3, 4)], ids=str)
def test_torch(shape, reduction, log_target):
    x, t = distributions(*shape)
    options = {"reduction": reduction, "log_target": log_target}
    t = np.log(t) if log_target else t
    check_torch(lambda x, t: kl_div(x, t, **options), lambda x, t: torch.nn.functional.kl_div(x, t, **options), x, t)


@pytest.mark.parametrize("log_target", [False, True])
def test_gradient(log_target):
    x, t = distributions(3, 4)
    t = np.log(t) if log_target else t
    for reduction in REDUCTIONS:
        check_gradient(lambda x, t, how=reduction: kl_div(x, t, how, log_target), x, t)


def test_special_values_as_in_torch():
    odd = np.array([np.nan, np.inf, -np.inf, 0.0, 1.0, -1.0, 0.25], np.float32)
    x, t = np.repeat(odd, len(odd)), np.tile(odd, len(odd))
    for log_target in (False, True):
        want = torch.nn.functional.kl_div(torch.tensor(x), torch.tensor(t), reduction="none", log_target=log_target)
        got = kl_div(x, t, "none", log_target)
        np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-6)


def test_of_equal_distributions_is_nothing():
    x, _ = distributions(4, 6)
    assert abs(kl_div(x, np.exp(x), "sum").item()) < 1e-14
    one = np.eye(3)
    with np.errstate(divide="ignore"):
        assert kl_div(np.maximum(np.log(one), -1e30), one, "sum").item() == 0.0


def test_any_strides_and_nothing():
    losses.check_any_strides(kl_div)
    assert kl_div(np.zeros((0, 2)), np.zeros((0, 2)), "sum").item() == 0.0


X = np.zeros((4, 2), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: kl_div(X, X[:3]), ValueError, "kl_div: input has shape (4, 2) but target has (3, 2)"),
        (lambda: kl_div(X, X, "avg"), ValueError, "kl_div: reduction must be 'none', 'mean', 'sum' or 'batchmean'"),
        (lambda: kl_div(X, X.astype(int)), TypeError, "kl_div: target has dtype int64 but must be float32 or float64"),
        (lambda: kl_div(X, X, log_target="yes"), TypeError, "kl_div: log_target must be True or False, not 'yes'"),
        (lambda: kl_div(X[:0], X[:0], "batchmean"), ValueError,
         "kl_div: input has shape (0, 2), but reduction='batchmean' divides by its first dimension"),
    ],
)  # fmt: skip
def test_refuses(call, error, message):
    check_refused(call, error, message)
