import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl.ops.mse_loss import mse_loss, mse_loss_backward, mse_loss_forward

RNG = np.random.default_rng(0)
SHAPES = [(8,), (5, 3), (70, 70), (), (0, 3)]


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


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_torch(shape, reduction):
    torch = pytest.importorskip("torch")
    x, t = (np.array(RNG.standard_normal(shape)) for _ in range(2))
    check_torch(
        lambda x, t: mse_loss(x, t, reduction),
        lambda x, t: torch.nn.functional.mse_loss(x, t, reduction=reduction),
        x,
        t,
    )


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_gradient(reduction):
    x, t = RNG.standard_normal((3, 4)), RNG.standard_normal((3, 4))
    check_gradient(lambda x, t: mse_loss(x, t, reduction), x, t)


def test_special_values_as_in_torch():
    torch = pytest.importorskip("torch")
    odd = np.array([np.nan, np.inf, -np.inf, 0.0, 1.0, 3e38], np.float32)
    x, t = np.repeat(odd, 6), np.tile(odd, 6)
    mine, theirs = pydl.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y = mse_loss(mine, t, "none")
    z = torch.nn.functional.mse_loss(theirs, torch.tensor(t), reduction="none")
    y.backward(np.ones(36))
    z.backward(torch.ones(36))
    np.testing.assert_array_equal(y.detach().numpy(), z.detach().numpy())
    np.testing.assert_array_equal(mine.grad.numpy(), theirs.grad.numpy())


def test_any_strides():
    x = RNG.uniform(0.1, 0.9, (6, 40)).astype(np.float32)
    for view in (x[::-1, ::-3], x.T, np.broadcast_to(x[:1], (4, 40))):
        t = np.zeros(view.shape, np.float32)
        want = mse_loss(np.ascontiguousarray(view), t, reduction="none").numpy()
        np.testing.assert_array_equal(mse_loss(view, t, reduction="none").numpy(), want)
        np.testing.assert_allclose(mse_loss(view, t).item(), want.mean(), rtol=1e-6)


def test_mean_of_many_is_exact_in_float32():
    x = RNG.uniform(0.1, 0.9, 3_000_000)
    t = np.zeros_like(x)
    want = mse_loss(x, t).item()
    got = mse_loss(x.astype(np.float32), t.astype(np.float32)).item()
    assert abs(got - want) < 3e-7 * want


def test_of_nothing():
    empty = np.zeros((0, 2), np.float32)
    assert np.isnan(mse_loss(empty, empty).item())
    assert mse_loss(empty, empty, reduction="sum").item() == 0.0
    assert mse_loss(empty, empty, reduction="none").shape == (0, 2)


X, COLUMN = np.full(8, 0.5, np.float32), np.full((8, 1), 0.5, np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: mse_loss(COLUMN, X),
            ValueError,
            "mse_loss: input has shape (8, 1) but target has (8,); they must be equal",
        ),
        (lambda: mse_loss(X, X[:7]), ValueError, "mse_loss: input has shape (8,) but target has (7,)"),
        (lambda: mse_loss(X, X, reduction="avg"), ValueError, "reduction is 'avg' but must be 'none', 'mean' or 'sum'"),
        (lambda: mse_loss(X, X, reduction=None), ValueError, "reduction is None but must be 'none', 'mean' or 'sum'"),
        (lambda: mse_loss(X, X.astype(int)), TypeError, "mse_loss: target has dtype int64 but must be float32 or"),
        (lambda: mse_loss(X, X.astype(np.float64)), TypeError, "mse_loss: target is float64 but input is float32"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert message in str(raised.value)
