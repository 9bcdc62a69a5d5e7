import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl.ops.binary_cross_entropy_with_logits import (
    binary_cross_entropy_with_logits,
    binary_cross_entropy_with_logits_backward,
    binary_cross_entropy_with_logits_forward,
)

RNG = np.random.default_rng(0)
SHAPES = [(8,), (5, 3), (70, 70), (), (0, 3)]


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


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_torch(shape, reduction):
    torch = pytest.importorskip("torch")
    x, t, w = (np.array(RNG.uniform(0.01, 0.99, size)) for size in (shape, shape, shape[-1:]))
    torch_loss = torch.nn.functional.binary_cross_entropy_with_logits
    check_torch(
        lambda x, t: binary_cross_entropy_with_logits(x, t, reduction=reduction),
        lambda x, t: torch_loss(x, t, reduction=reduction),
        x,
        t,
    )
    for dtype in (np.float32, np.float64):
        arrays = [each.astype(dtype) for each in (x, t, w)]
        y = binary_cross_entropy_with_logits(*arrays, reduction=reduction)
        z = torch_loss(*map(torch.tensor, arrays), reduction=reduction)
        np.testing.assert_allclose(y.numpy(), z.numpy(), 2e-6 if dtype == np.float32 else 1e-13)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_gradient(reduction):
    x, t, w = (RNG.uniform(0.1, 0.9, (3, 4)) for _ in range(3))
    check_gradient(lambda x, t: binary_cross_entropy_with_logits(x, t, w, reduction=reduction), x, t)


def test_weight_has_no_gradient():
    weight = pydl.tensor(np.ones(3, np.float32), requires_grad=True)
    x = pydl.tensor(np.full(3, 0.5, np.float32), requires_grad=True)
    loss = binary_cross_entropy_with_logits(x, x.detach(), weight)
    with pytest.raises(
        RuntimeError, match=r"binary_cross_entropy_with_logits: weight has no gradient; use weight.detach\(\)"
    ):
        loss.backward()


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
    torch = pytest.importorskip("torch")
    x = np.repeat(np.array([-3e38, -1e3, -90, -1e-6, 0, 30, 1e3, np.inf, -np.inf, np.nan], np.float32), 2)
    t = np.tile(np.array([0, 1], np.float32), 10)
    mine, theirs = pydl.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y = binary_cross_entropy_with_logits(mine, t, reduction="none")
    z = torch.nn.functional.binary_cross_entropy_with_logits(theirs, torch.tensor(t), reduction="none")
    y.backward(np.ones(20))
    z.backward(torch.ones(20))
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol=1e-6, atol=1e-37)
    # PyTorch computes 1 - sigmoid(x), which is 0 for large x.
    np.testing.assert_allclose(mine.grad.numpy(), theirs.grad.numpy(), rtol=1e-6, atol=1e-7)


def test_any_strides():
    x = RNG.uniform(0.1, 0.9, (6, 40)).astype(np.float32)
    for view in (x[::-1, ::-3], x.T, np.broadcast_to(x[:1], (4, 40))):
        t = np.zeros(view.shape, np.float32)
        want = binary_cross_entropy_with_logits(np.ascontiguousarray(view), t, reduction="none").numpy()
        np.testing.assert_array_equal(binary_cross_entropy_with_logits(view, t, reduction="none").numpy(), want)
        np.testing.assert_allclose(binary_cross_entropy_with_logits(view, t).item(), want.mean(), rtol=1e-6)


def test_mean_of_many_is_exact_in_float32():
    x = RNG.uniform(0.1, 0.9, 3_000_000)
    t = np.zeros_like(x)
    want = binary_cross_entropy_with_logits(x, t).item()
    got = binary_cross_entropy_with_logits(x.astype(np.float32), t.astype(np.float32)).item()
    assert abs(got - want) < 3e-7 * want


def test_of_nothing():
    empty = np.zeros((0, 2), np.float32)
    assert np.isnan(binary_cross_entropy_with_logits(empty, empty).item())
    assert binary_cross_entropy_with_logits(empty, empty, reduction="sum").item() == 0.0
    assert binary_cross_entropy_with_logits(empty, empty, reduction="none").shape == (0, 2)


X, COLUMN = np.full(8, 0.5, np.float32), np.full((8, 1), 0.5, np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: binary_cross_entropy_with_logits(COLUMN, X),
            ValueError,
            "binary_cross_entropy_with_logits: input has shape (8, 1) but target has (8,); they must be equal",
        ),
        (
            lambda: binary_cross_entropy_with_logits(X, X[:7]),
            ValueError,
            "binary_cross_entropy_with_logits: input has shape (8,) but target has (7,)",
        ),
        (
            lambda: binary_cross_entropy_with_logits(X, X, reduction="avg"),
            ValueError,
            "reduction is 'avg' but must be 'none', 'mean' or 'sum'",
        ),
        (
            lambda: binary_cross_entropy_with_logits(X, X, reduction=None),
            ValueError,
            "reduction is None but must be 'none', 'mean' or 'sum'",
        ),
        (
            lambda: binary_cross_entropy_with_logits(X, X.astype(int)),
            TypeError,
            "binary_cross_entropy_with_logits: target has dtype int64 but must be float32 or",
        ),
        (
            lambda: binary_cross_entropy_with_logits(X, X.astype(np.float64)),
            TypeError,
            "binary_cross_entropy_with_logits: target is float64 but input is float32",
        ),
        (
            lambda: binary_cross_entropy_with_logits(X, X, COLUMN),
            ValueError,
            "binary_cross_entropy_with_logits: weight has shape (8, 1) and does not broadcast to",
        ),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert message in str(raised.value)
