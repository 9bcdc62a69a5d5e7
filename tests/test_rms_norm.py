import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl import nn
from pydl.ops.rms_norm import rms_norm, rms_norm_backward, rms_norm_forward

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("kernel", [rms_norm_forward, rms_norm_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=15)


def test_worked_by_hand():
    x = pydl.tensor(np.array([[1.0, 7.0]]), requires_grad=True)
    y = rms_norm(x, 2, np.array([10.0, 5.0]), eps=0.0)
    np.testing.assert_allclose(y.detach().numpy(), [[2.0, 7.0]])
    y.backward(np.array([[1.0, 0.0]]))
    np.testing.assert_allclose(x.grad.numpy(), [[2 * 49 / 50, -2 * 7 / 50]])


@pytest.mark.parametrize(
    ("shape", "last"), [((5,), 1), ((6, 10), 1), ((2, 3, 4, 5), 2), ((1, 40000), 1), ((300, 7), 1)], ids=str
)
@pytest.mark.parametrize("affine", [True, False])
def test_torch(shape, last, affine):
    torch = pytest.importorskip("torch")
    own = shape[-last:]
    arrays = [3 * RNG.standard_normal(shape) + 1] + ([RNG.uniform(0.5, 2.0, own)] if affine else [])
    check_torch(
        lambda x, *rest: rms_norm(x, own, *rest), lambda x, *rest: torch.nn.functional.rms_norm(x, own, *rest), *arrays
    )


def test_a_row_with_nan_or_infinities_leaves_the_others_alone():
    torch = pytest.importorskip("torch")
    for shape in ((5, 7), (160, 7), (2, 40000)):
        x = RNG.standard_normal(shape)
        x[1, 3], x[0, 2] = -np.inf, np.nan
        check_torch(lambda x: rms_norm(x, x.shape[1:]), lambda x: torch.nn.functional.rms_norm(x, x.shape[1:]), x)


def test_gradient():
    check_gradient(lambda x, w: rms_norm(x, (3, 2), w), RNG.standard_normal((4, 3, 2)), RNG.uniform(0.5, 2.0, (3, 2)))


def test_layer_as_in_torch():
    torch = pytest.importorskip("torch")
    for options in ({}, {"elementwise_affine": False}, {"eps": 0.1}):
        mine, theirs = nn.RMSNorm(4, **options), torch.nn.RMSNorm(4, **options)
        assert list(mine.state_dict()) == list(theirs.state_dict())
        x = RNG.standard_normal((2, 3, 4)).astype(np.float32)
        np.testing.assert_allclose(mine(x).detach().numpy(), theirs(torch.tensor(x)).detach().numpy(), atol=1e-6)
        assert repr(mine) == repr(theirs)


def test_refuses():
    with pytest.raises(ValueError, match=r"rms_norm: input has shape \(2, 3\) but must end in normalized_shape \(4,\)"):
        rms_norm(np.ones((2, 3)), 4)
