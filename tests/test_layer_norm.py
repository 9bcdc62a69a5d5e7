import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl import nn
from pydl.ops.layer_norm import layer_norm, layer_norm_backward, layer_norm_forward

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("kernel", [layer_norm_forward, layer_norm_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=15)


def test_worked_by_hand():
    x = pydl.tensor(np.array([[1.0, 3.0]]), requires_grad=True)
    y = layer_norm(x, 2, np.array([2.0, 1.0]), np.array([0.0, 5.0]), eps=0.0)
    np.testing.assert_allclose(y.detach().numpy(), [[-2.0, 6.0]])
    y.backward(np.array([[1.0, 0.0]]))
    np.testing.assert_allclose(x.grad.numpy(), [[0.0, 0.0]], atol=1e-12)  # two numbers always become -1 and 1


@pytest.mark.parametrize(
    ("shape", "last"),
    [((5,), 1), ((6, 10), 1), ((2, 3, 17), 1), ((2, 3, 4, 5), 2), ((3, 1), 1), ((1, 40000), 1), ((300, 7), 1),
     ((3, 2049), 1), ((4, 3), 2)],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("affine", [True, False])
def test_torch(shape, last, affine):
    torch = pytest.importorskip("torch")
    own = shape[-last:]
    arrays = [3 * RNG.standard_normal(shape) + 1]
    arrays += [RNG.uniform(0.5, 2.0, own), RNG.standard_normal(own)] if affine else []
    check_torch(
        lambda x, *rest: layer_norm(x, own, *rest),
        lambda x, *rest: torch.nn.functional.layer_norm(x, own, *rest),
        *arrays,
        rtol=3e-5,  # of one number, PyTorch's gradient is 1e-5 on some processors, and not 0
    )


def test_gradient():
    check_gradient(
        lambda x, w, b: layer_norm(x, (3, 2), w, b),
        RNG.standard_normal((4, 3, 2)),
        RNG.uniform(0.5, 2.0, (3, 2)),
        RNG.standard_normal((3, 2)),
    )


@pytest.mark.parametrize("shape", [(50, 700), (3, 70000)], ids=str)
def test_nothing_cancels(shape):
    x = (RNG.standard_normal(shape) + 1e4).astype(np.float32)
    exact = x.astype(np.float64)
    want = (exact - exact.mean(1, keepdims=True)) / exact.std(1, keepdims=True)
    np.testing.assert_allclose(layer_norm(x, shape[1], eps=0.0).numpy(), want, rtol=0, atol=2e-5)


def test_layer_as_in_torch():
    torch = pytest.importorskip("torch")
    for options in ({}, {"bias": False}, {"elementwise_affine": False}, {"eps": 0.1}):
        mine, theirs = nn.LayerNorm((3, 4), **options), torch.nn.LayerNorm((3, 4), **options)
        assert list(mine.state_dict()) == list(theirs.state_dict())
        x = RNG.standard_normal((2, 3, 4)).astype(np.float32)
        np.testing.assert_allclose(mine(x).detach().numpy(), theirs(torch.tensor(x)).detach().numpy(), atol=1e-6)
        assert repr(mine) == repr(theirs)


def test_other_layouts_and_empty_ones():
    x = RNG.standard_normal((6, 8, 20)).astype(np.float32)
    for view in (x[::-1, ::2, ::-3], x.transpose(2, 0, 1), np.broadcast_to(x[:1], (3, 8, 20))):
        want = layer_norm(np.ascontiguousarray(view), view.shape[-1]).numpy()
        np.testing.assert_allclose(layer_norm(view, view.shape[-1]).numpy(), want, atol=2e-6)
    for shape in [(0, 4), (3, 0)]:
        x = pydl.tensor(np.zeros(shape), requires_grad=True)
        w = pydl.tensor(np.ones(shape[1:]), requires_grad=True)
        layer_norm(x, shape[1], w).backward(np.zeros(shape))
        assert x.grad.shape == shape
        assert w.grad.tolist() == [0.0] * shape[1]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: layer_norm(np.ones((2, 3)), 2), ValueError,
         r"layer_norm: input has shape \(2, 3\) but must end in normalized_shape \(2,\)"),
        (lambda: layer_norm(np.ones((2, 3)), ()), ValueError,
         r"layer_norm: input has shape \(2, 3\) but must end in normalized_shape \(\)"),
        (lambda: layer_norm(np.ones((2, 3)), 3, np.ones(2)), ValueError,
         r"layer_norm: weight has shape \(2,\) but must have normalized_shape \(3,\)"),
        (lambda: layer_norm(np.ones((2, 3)), 3.0), TypeError, "layer_norm: a shape holds integers, not 3.0"),
        (lambda: layer_norm(np.ones((2, 3), int), 3), TypeError,
         "layer_norm: input has dtype int64 but must be float32 or float64"),
    ],
)  # fmt: skip
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
