import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl.ops.cross_entropy import cross_entropy
from pydl.ops.log_softmax import log_softmax
from pydl.ops.nll_loss import nll_loss, nll_loss_backward, nll_loss_forward

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("kernel", [nll_loss_forward, nll_loss_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_worked_by_hand():
    x = pydl.tensor([[-1.0, -2.0], [-3.0, -5.0]], requires_grad=True)
    loss = nll_loss(x, [1, 0], np.array([3.0, 1.0], np.float32))
    assert loss.item() == (1 * 2 + 3 * 3) / (1 + 3)
    loss.backward()
    assert x.grad.tolist() == [[0.0, -0.25], [-0.75, 0.0]]


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("shape", [(64, 10), (5,), (2, 3, 4), (2, 5, 3, 17), (0, 4)], ids=str)
def test_torch(shape, reduction):
    torch = pytest.importorskip("torch")
    x, C = RNG.standard_normal(shape), shape[1] if len(shape) > 1 else shape[0]
    target = np.asarray(RNG.integers(0, C, shape[:1] + shape[2:] if len(shape) > 1 else ()))
    ignore = 2 if target.ndim else -100
    weight = np.linspace(0.5, 2.0, C)

    def torch_loss(x, t):
        return torch.nn.functional.nll_loss(
            x, t, torch.tensor(weight, dtype=x.dtype), ignore_index=ignore, reduction=reduction
        )

    check_torch(lambda x, t: nll_loss(x, t, weight.astype(x.dtype), ignore, reduction), torch_loss, x, target)


def test_gradient():
    x, target = RNG.standard_normal((4, 5)), np.array([1, 4, -100, 0])
    for reduction in ("none", "mean", "sum"):
        check_gradient(lambda x, how=reduction: nll_loss(x, target, np.linspace(0.5, 2, 5), reduction=how), x)


def test_after_log_softmax_it_is_cross_entropy():
    x, target = RNG.standard_normal((9, 4)), RNG.integers(0, 4, 9)
    np.testing.assert_allclose(nll_loss(log_softmax(x, 1), target).item(), cross_entropy(x, target).item(), 1e-14)


def test_any_strides():
    x = RNG.standard_normal((10, 12, 20)).astype(np.float32)
    for view in (x[::-1, ::2, ::-3], x.transpose(2, 0, 1), x[0].T):
        target = RNG.integers(0, view.shape[1], view.shape[:1] + view.shape[2:])
        want = nll_loss(np.ascontiguousarray(view), target).item()
        assert nll_loss(view, target).item() == want


X = np.zeros((8, 10), np.float32)
GOOD = np.zeros(8, int)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: nll_loss(X, X[:, 0]),
            TypeError,
            "nll_loss: target has dtype float32 but class labels must be integers",
        ),
        (lambda: nll_loss(X, GOOD + 10), ValueError, "nll_loss: target[0] is 10 but there are 10 classes (0 to 9)"),
        (lambda: nll_loss(X, GOOD[:7]), ValueError, "target has shape (7,) but must have (8,) for an input of shape"),
        (lambda: nll_loss(X, GOOD, reduction=""), ValueError, "reduction is '' but must be 'none', 'mean' or 'sum'"),
        (lambda: nll_loss(X, GOOD, X[0, :9]), ValueError, "nll_loss: weight has shape (9,) but must have (10,)"),
        (lambda: nll_loss(X.astype(int), GOOD), TypeError, "nll_loss: input has dtype int64 but must be float32 or"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert message in str(raised.value)
