"""What the tests of the losses share whose target has the shape of the input; a test gives the loss."""

import numpy as np
import pytest
from checks import check_gradient, check_torch, torch

import pydl

REDUCTIONS = ["none", "mean", "sum"]
SHAPES = [(8,), (5, 3), (70, 70), (), (0, 3)]

X, COLUMN = np.full(8, 0.5, np.float32), np.full((8, 1), 0.5, np.float32)


def uniform(*shape, low=0.1, high=0.9, seed=0):
    return np.array(np.random.default_rng([seed, *shape]).uniform(low, high, shape))


def of_torch(loss):
    """PyTorch's loss of the same name."""
    return getattr(torch.nn.functional, loss.name)


def check_reduction(loss, x, t, reduction):
    """Value and gradients as PyTorch's."""
    check_torch(
        lambda x, t: loss(x, t, reduction=reduction), lambda x, t: of_torch(loss)(x, t, reduction=reduction), x, t
    )


def check_weighted(loss, shape, reduction):
    """As PyTorch, without a weight and with one that broadcasts."""
    x, t = (uniform(*shape, low=0.01, high=0.99, seed=seed) for seed in (0, 1))
    check_reduction(loss, x, t, reduction)
    w = uniform(*shape[-1:], low=0.01, high=0.99, seed=2)
    for dtype in (np.float32, np.float64):
        arrays = [each.astype(dtype) for each in (x, t, w)]
        y = loss(*arrays, reduction=reduction)
        z = of_torch(loss)(*map(torch.tensor, arrays), reduction=reduction)
        np.testing.assert_allclose(y.numpy(), z.numpy(), 2e-6 if dtype == np.float32 else 1e-13)


def check_weighted_gradient(loss, reduction):
    x, t, w = (uniform(3, 4, seed=seed) for seed in range(3))
    check_gradient(lambda x, t: loss(x, t, w, reduction=reduction), x, t)


def check_weight_has_no_gradient(loss):
    weight = pydl.tensor(np.ones(3, np.float32), requires_grad=True)
    x = pydl.tensor(np.full(3, 0.5, np.float32), requires_grad=True)
    value = loss(x, x.detach(), weight)
    with pytest.raises(RuntimeError, match=rf"{loss.name}: weight has no gradient; use weight.detach\(\)"):
        value.backward()


def check_values(loss, x, t, **tolerances):
    """The loss of each element and its gradient as PyTorch's, special values too; a tolerance for each of the two."""
    mine, theirs = pydl.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, z = loss(mine, t, reduction="none"), of_torch(loss)(theirs, torch.tensor(t), reduction="none")
    y.backward(np.ones(y.shape))
    z.backward(torch.ones(z.shape))
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), **tolerances.get("value", {"rtol": 0}))
    np.testing.assert_allclose(mine.grad.numpy(), theirs.grad.numpy(), **tolerances.get("gradient", {"rtol": 0}))


def check_special_values(loss):
    """All pairs of special values."""
    odd = np.array([np.nan, np.inf, -np.inf, 0.0, 1.0, 3e38], np.float32)
    check_values(loss, np.repeat(odd, 6), np.tile(odd, 6))


def check_any_strides(loss):
    x = uniform(6, 40).astype(np.float32)
    for view in (x[::-1, ::-3], x.T, np.broadcast_to(x[:1], (4, 40))):
        t = np.zeros(view.shape, np.float32)
        want = loss(np.ascontiguousarray(view), t, reduction="none").numpy()
        np.testing.assert_array_equal(loss(view, t, reduction="none").numpy(), want)
        np.testing.assert_allclose(loss(view, t).item(), want.mean(), rtol=1e-6)


def check_mean_of_many_is_exact_in_float32(loss):
    x = uniform(3_000_000)
    t = np.zeros_like(x)
    want = loss(x, t).item()
    got = loss(x.astype(np.float32), t.astype(np.float32)).item()
    assert abs(got - want) < 3e-7 * want


def check_of_nothing(loss):
    empty = np.zeros((0, 2), np.float32)
    assert np.isnan(loss(empty, empty).item())
    assert loss(empty, empty, reduction="sum").item() == 0.0
    assert loss(empty, empty, reduction="none").shape == (0, 2)


def wrong_calls(loss):
    """Calls that all of them refuse, with the error and a part of its message."""
    return [
        (lambda: loss(COLUMN, X), ValueError, "input has shape (8, 1) but target has (8,); they must be equal"),
        (lambda: loss(X, X[:7]), ValueError, "input has shape (8,) but target has (7,)"),
        (lambda: loss(X, X, reduction="avg"), ValueError, "reduction is 'avg' but must be 'none', 'mean' or 'sum'"),
        (lambda: loss(X, X, reduction=None), ValueError, "reduction is None but must be 'none', 'mean' or 'sum'"),
        (lambda: loss(X, X.astype(int)), TypeError, "target has dtype int64 but must be float32 or float64"),
        (lambda: loss(X, X.astype(np.float64)), TypeError, "target is float64 but input is float32"),
    ]


def wrong_weights(loss):
    """Calls that the losses with a weight refuse besides."""
    return [(lambda: loss(X, X, COLUMN), ValueError, "weight has shape (8, 1) and does not broadcast to")]
