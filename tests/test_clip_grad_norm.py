import numpy as np
import pytest
from checks import check_kernel, check_threads
from optimizers import gradient, large_lists, parameters

import pydl
from pydl.optim import clip_grad_norm_
from pydl.optim.clip_grad_norm import grad_norm, grad_scale


@pytest.mark.parametrize("kernel", [grad_norm, grad_scale], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


@pytest.mark.parametrize("p", [1.0, 2.0, np.inf])
def test_large_norm(p):
    (g,) = large_lists(1)
    check_threads(grad_norm, {"g": g, "norm": np.zeros((), np.float32), "p": p})
    norm = np.zeros((), np.float32)
    grad_norm(g, norm, p)
    expected = np.linalg.norm(np.concatenate([each.ravel() for each in g]).astype(np.float64), p)
    np.testing.assert_allclose(norm, expected, rtol=1e-6)


def with_gradients(dtype=np.float64):
    params = parameters(dtype)
    for each in params:
        each.grad = pydl.tensor(gradient(each.shape, 0, dtype))
    return params


def test_worked_by_hand():
    w = pydl.tensor([0.0, 0.0], dtype=np.float64, requires_grad=True)
    w.grad = pydl.tensor(np.array([3.0, -4.0]))
    assert clip_grad_norm_(w, 2.5).item() == 5.0
    np.testing.assert_allclose(w.grad.tolist(), [1.5, -2.0], rtol=1e-6)
    assert clip_grad_norm_(w, 100.0).item() == pytest.approx(2.5, rel=1e-6)
    np.testing.assert_allclose(w.grad.tolist(), [1.5, -2.0], rtol=1e-6)


@pytest.mark.parametrize("p", [1, 2.0, float("inf")])
@pytest.mark.parametrize("max_norm", [0.5, 1000.0])
def test_torch(p, max_norm):
    torch = pytest.importorskip("torch")
    mine = with_gradients()
    theirs = [torch.zeros(each.shape, dtype=torch.float64, requires_grad=True) for each in mine]
    for a, b in zip(mine, theirs, strict=True):
        b.grad = torch.tensor(a.grad.numpy())
    kept = [(a, b) for a, b in zip(mine, theirs, strict=True) if a.numel() > 0]
    total = clip_grad_norm_(mine, max_norm, p)
    expected = torch.nn.utils.clip_grad_norm_([b for _, b in kept], max_norm, p)
    np.testing.assert_allclose(total.item(), expected.item(), rtol=1e-12)
    for a, b in kept:
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-12)


def test_two_dtypes_have_one_norm():
    a = pydl.tensor([0.0], dtype=np.float32, requires_grad=True)
    b = pydl.tensor([0.0], dtype=np.float64, requires_grad=True)
    a.grad, b.grad = pydl.tensor([3.0], dtype=np.float32), pydl.tensor([4.0], dtype=np.float64)
    assert clip_grad_norm_([a, b], 1.0).item() == pytest.approx(5.0)
    assert (a.grad.item(), b.grad.item()) == (pytest.approx(0.6, rel=1e-5), pytest.approx(0.8, rel=1e-5))


def test_nan_reaches_every_gradient_or_is_refused():
    params = with_gradients()
    params[1].grad.data[0] = np.nan
    with pytest.raises(RuntimeError, match="clip_grad_norm_: the norm of the gradients is nan"):
        clip_grad_norm_(params, 1.0, error_if_nonfinite=True)
    assert np.isfinite(params[0].grad.numpy()).all()
    clip_grad_norm_(params, 1.0)
    assert np.isnan(params[0].grad.numpy()).all()


def test_nothing_to_clip():
    assert clip_grad_norm_(parameters(), 1.0).item() == 0.0


def test_gradient_that_is_not_contiguous():
    w = pydl.tensor(np.zeros((2, 3)), requires_grad=True)
    w.grad = pydl.from_numpy(np.ones((3, 2)).T)
    clip_grad_norm_([w], 0.0)
    assert w.grad.tolist() == [[0.0] * 3] * 2


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((1.0, 3), ValueError, "clip_grad_norm_: norm_type must be 1, 2 or infinity, not 3"),
        ((-1.0,), ValueError, "clip_grad_norm_: max_norm must be at least 0, not -1.0"),
        ((float("nan"),), ValueError, "clip_grad_norm_: max_norm must be at least 0, not nan"),
    ],
)
def test_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        clip_grad_norm_(parameters(), *arguments)
