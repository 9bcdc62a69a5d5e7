import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl.ops.cross_entropy import (
    cross_entropy,
    cross_entropy_backward,
    cross_entropy_forward,
    cross_entropy_probabilities_backward,
    cross_entropy_probabilities_forward,
)

RNG = np.random.default_rng(0)
KERNELS = [
    cross_entropy_forward,
    cross_entropy_backward,
    cross_entropy_probabilities_forward,
    cross_entropy_probabilities_backward,
]
SHAPES = [(64, 10), (7, 33), (5,), (2, 3, 4), (2, 5, 3, 17), (1, 1)]


def classes_for(shape):
    C = shape[1] if len(shape) > 1 else shape[0]
    target = RNG.integers(0, C, shape[:1] + shape[2:] if len(shape) > 1 else ())
    return np.asarray(target), C


def torch_loss(torch, **settings):
    def loss(x, target, weight=None):
        if weight is not None:
            weight = weight.detach()
        return torch.nn.functional.cross_entropy(x, target, weight, **settings)

    return loss


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_worked_by_hand():
    x = pydl.tensor([[0.0, np.log(3.0)], [0.0, 0.0]], dtype=np.float64, requires_grad=True)
    loss = cross_entropy(x, [0, 1])
    np.testing.assert_allclose(loss.item(), (np.log(4) + np.log(2)) / 2)
    loss.backward()
    np.testing.assert_allclose(x.grad.numpy(), [[-0.375, 0.375], [0.25, -0.25]])


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_torch(shape, smoothing, reduction):
    torch = pytest.importorskip("torch")
    x = RNG.standard_normal(shape) * 3
    target, C = classes_for(shape)
    settings = {"reduction": reduction, "label_smoothing": smoothing}
    check_torch(lambda x, t: cross_entropy(x, t, **settings), torch_loss(torch, **settings), x, target)
    if target.ndim and shape != (1, 1):
        target.flat[0] = C // 2
        settings["ignore_index"] = C // 2
    for dtype in (np.float32, np.float64):
        weight = np.linspace(0.5, 2.0, C).astype(dtype)
        mine, theirs = pydl.tensor(x.astype(dtype), requires_grad=True), torch.tensor(x.astype(dtype))
        theirs.requires_grad_()
        y = cross_entropy(mine, target, weight, **settings)
        z = torch_loss(torch, **settings)(theirs, torch.tensor(target), torch.tensor(weight))
        y.backward(np.ones(y.shape))
        z.backward(torch.ones_like(z))
        tolerance = 2e-6 if dtype == np.float32 else 1e-13
        np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), tolerance, tolerance)
        np.testing.assert_allclose(mine.grad.numpy(), theirs.grad.numpy(), tolerance, tolerance)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_torch_with_probabilities(shape, smoothing, reduction):
    torch = pytest.importorskip("torch")
    x, t = RNG.standard_normal(shape) * 3, RNG.uniform(0, 1, shape)
    settings = {"reduction": reduction, "label_smoothing": smoothing}
    check_torch(lambda x, t: cross_entropy(x, t, **settings), torch_loss(torch, **settings), x, t)


def test_gradient():
    x, target = RNG.standard_normal((4, 5)), np.array([1, 4, -100, 0])
    weight = np.linspace(0.5, 2, 5)
    for reduction in ("none", "mean", "sum"):
        check_gradient(lambda x, how=reduction: cross_entropy(x, target, weight, -100, how, 0.1), x)
    check_gradient(lambda x, t: cross_entropy(x, t, weight, label_smoothing=0.1), x, RNG.uniform(0, 1, (4, 5)))


def test_large_and_special_logits_as_in_torch():
    torch = pytest.importorskip("torch")
    rows = [[1e4, -1e4, 0.0], [-1e30, 1e30, 3.0], [-np.inf, 0.0, 1.0], [np.inf, 0.0, 1.0], [np.nan, 0.0, 1.0]]
    rows.append([-np.inf] * 3)
    x = np.array(rows * 3, np.float32)
    target = np.repeat([0, 1, 2], len(rows))
    mine = pydl.tensor(x, requires_grad=True)
    theirs = torch.tensor(x, requires_grad=True)
    y = cross_entropy(mine, target, reduction="none")
    z = torch.nn.functional.cross_entropy(theirs, torch.tensor(target), reduction="none")
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol=1e-6)
    y.backward(np.ones(len(x)))
    z.backward(torch.ones(len(x)))
    np.testing.assert_allclose(mine.grad.numpy(), theirs.grad.numpy(), rtol=1e-6)


def test_gradient_of_large_logits_is_exact():
    x = pydl.tensor(np.array([[5000.3, 5000.1, 4999.7]], np.float32), requires_grad=True)
    cross_entropy(x, [1]).backward()
    z = x.data.astype(np.float64)
    p = np.exp(z - z.max())
    np.testing.assert_allclose(x.grad.numpy(), p / p.sum() - [[0, 1, 0]], rtol=1e-6)


def test_mean_of_many_is_exact_in_float32():
    x = RNG.standard_normal((200_000, 3)).astype(np.float32)
    target = RNG.integers(0, 3, 200_000)
    want = cross_entropy(x.astype(np.float64), target).item()
    assert abs(cross_entropy(x, target).item() - want) < 2e-7 * want


def test_nothing_that_counts():
    x = pydl.tensor(np.zeros((2, 3), np.float32), requires_grad=True)
    loss = cross_entropy(x, [-100, -100])
    assert np.isnan(loss.item())
    loss.backward()
    assert x.grad.tolist() == [[0.0] * 3] * 2
    assert cross_entropy(np.zeros((0, 3), np.float32), np.zeros(0, int), reduction="sum").item() == 0.0
    assert np.isnan(cross_entropy(np.zeros((0, 3), np.float32), np.zeros(0, int)).item())


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, np.uint64])
def test_labels_of_any_integer_kind(dtype):
    x = RNG.standard_normal((3, 4)).astype(np.float32)
    want = cross_entropy(x, np.array([0, 3, 1])).item()
    assert cross_entropy(x, np.array([0, 3, 1], dtype)).item() == want
    assert cross_entropy(x, pydl.tensor(np.array([0, 3, 1], dtype))).item() == want
    assert cross_entropy(x, [0, 3, 1]).item() == want


def test_any_strides():
    x = RNG.standard_normal((10, 12, 20)).astype(np.float32)
    for view in (x[::-1, ::2, ::-3], x.transpose(2, 0, 1), x[0].T):
        target = RNG.integers(0, view.shape[1], view.shape[:1] + view.shape[2:])
        want = cross_entropy(np.ascontiguousarray(view), target).item()
        np.testing.assert_allclose(cross_entropy(view, target).item(), want, rtol=1e-6)


def test_labels_changed_after_use_are_noticed():
    x, t = pydl.tensor(np.zeros((2, 3), np.float32), requires_grad=True), pydl.tensor([0, 1])
    loss = cross_entropy(x, t)
    t.fill_(2)
    with pytest.raises(RuntimeError, match="cross_entropy needs its target, but it was changed in place"):
        loss.backward()


X = np.zeros((8, 10), np.float32)
GOOD = np.zeros(8, int)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: cross_entropy(X, np.zeros(8, np.float32)),
            TypeError,
            "cross_entropy: target has dtype float32 but class labels must be integers "
            "(or probabilities of shape (8, 10))",
        ),
        (
            lambda: cross_entropy(X, [1, 2, 3, 10, 0, 0, 0, 0]),
            ValueError,
            "cross_entropy: target[3] is 10 but there are 10 classes (0 to 9)",
        ),
        (lambda: cross_entropy(X, [0, -1, 3, 1, 0, 0, 0, 0]), ValueError, "target[1] is -1 but there are 10 classes"),
        (lambda: cross_entropy(X[0], 11), ValueError, "cross_entropy: target is 11 but there are 10 classes"),
        (
            lambda: cross_entropy(X, GOOD[:7]),
            ValueError,
            "cross_entropy: target has shape (7,) but must have (8,) for an input of shape (8, 10)",
        ),
        (lambda: cross_entropy(X, GOOD[:, None]), ValueError, "target has shape (8, 1) but must have (8,)"),
        (
            lambda: cross_entropy(X, GOOD, reduction="avg"),
            ValueError,
            "reduction is 'avg' but must be 'none', 'mean' or",
        ),
        (lambda: cross_entropy(X, GOOD, X[0, :9]), ValueError, "weight has shape (9,) but must have (10,), one number"),
        (
            lambda: cross_entropy(X, GOOD, label_smoothing=1.5),
            ValueError,
            "label_smoothing is 1.5 but must lie between",
        ),
        (lambda: cross_entropy(X.astype(int), GOOD), TypeError, "input has dtype int64 but must be float32 or float64"),
        (lambda: cross_entropy(X, X.astype(np.float64)), TypeError, "target is float64 but input is float32"),
        (lambda: cross_entropy(X[:, :0], GOOD), ValueError, "cross_entropy: input has no classes (shape (8, 0))"),
        (lambda: cross_entropy(np.float32(1), 0), ValueError, "input must be (C,), (N, C) or (N, C, d1, ...)"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert message in str(raised.value)


def test_weight_has_no_gradient():
    weight = pydl.tensor(np.ones(10, np.float32), requires_grad=True)
    loss = cross_entropy(pydl.tensor(X, requires_grad=True), GOOD, weight)
    with pytest.raises(RuntimeError, match=r"cross_entropy: weight has no gradient; use weight.detach\(\)"):
        loss.backward()


def test_kernels_refuse_classes_that_do_not_exist():
    numbers = [np.zeros(n, np.float32) for n in (1, 8, 8, 1)]
    with pytest.raises(ValueError, match="target has a class that x does not have"):
        cross_entropy_forward.native(X[:, :, None], np.full((8, 1), 10), None, *numbers, -100, 0.0, 1)
