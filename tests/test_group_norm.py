import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl import nn
from pydl.ops.group_norm import group_norm, group_norm_backward, group_norm_forward, instance_norm

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("kernel", [group_norm_forward, group_norm_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


def test_worked_by_hand():
    x = pydl.tensor(np.array([[[1.0], [3.0], [5.0], [5.0]]]), requires_grad=True)
    y = group_norm(x, 2, np.array([1.0, 2.0, 1.0, 1.0]), np.array([0.0, 0.0, 0.0, 7.0]), eps=1.0)
    r = 1 / np.sqrt(2)
    np.testing.assert_allclose(y.detach().numpy().ravel(), [-r, 2 * r, 0, 7])
    y.backward(np.array([[[1.0], [0.0], [0.0], [0.0]]]))
    slope = r * (1 - (1 + r * r) / 2)
    np.testing.assert_allclose(x.grad.numpy().ravel(), [slope, -slope, 0, 0], atol=1e-15)


@pytest.mark.parametrize(
    ("shape", "groups"),
    [((3, 6), 2), ((2, 6, 5), 3), ((2, 4, 7, 7), 1), ((2, 4, 7, 7), 4), ((70, 40), 2), ((1, 2, 60, 60), 1),
     ((2, 6, 2, 2, 3), 2)],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("affine", [True, False])
def test_torch(shape, groups, affine):
    torch = pytest.importorskip("torch")
    C = shape[1]
    arrays = [3 * RNG.standard_normal(shape) + 1]
    arrays += [RNG.uniform(0.5, 2.0, C), RNG.standard_normal(C)] if affine else []
    check_torch(
        lambda x, *rest: group_norm(x, groups, *rest),
        lambda x, *rest: torch.nn.functional.group_norm(x, groups, *rest),
        *arrays,
    )
    if len(shape) > 2:
        check_torch(
            lambda x, *rest: instance_norm(x, None, None, *rest),
            lambda x, *rest: torch.nn.functional.instance_norm(x, None, None, *rest),
            *arrays,
        )


@pytest.mark.parametrize("shape", [(2, 4, 3), (3, 4)], ids=str)
def test_gradient(shape):
    check_gradient(
        lambda x, w, b: group_norm(x, 2, w, b),
        RNG.standard_normal(shape),
        RNG.uniform(0.5, 2.0, 4),
        RNG.standard_normal(4),
    )


def test_nothing_cancels():
    for shape in [(3, 4, 500), (50, 4), (50, 100)]:
        x = (RNG.standard_normal(shape) + 1e4).astype(np.float32)
        exact = x.astype(np.float64).reshape(shape[0], 2, -1)
        want = (exact - exact.mean(2, keepdims=True)) / exact.std(2, keepdims=True)
        got = group_norm(x, 2, eps=0.0).numpy().reshape(want.shape)
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-4)


def test_layers_as_in_torch():
    torch = pytest.importorskip("torch")
    layers = [
        ("GroupNorm", (2, 4), {}, (3, 4, 5)),
        ("GroupNorm", (4, 4), {"bias": False}, (3, 4, 2, 2)),
        ("GroupNorm", (1, 4), {"affine": False, "eps": 0.1}, (3, 4)),
        ("InstanceNorm1d", (4,), {}, (3, 4, 5)),
        ("InstanceNorm2d", (4,), {"affine": True}, (3, 4, 5, 2)),
        ("InstanceNorm3d", (4,), {"affine": True, "bias": False}, (3, 4, 5, 2, 2)),
    ]
    for name, arguments, options, shape in layers:
        mine, theirs = getattr(nn, name)(*arguments, **options), getattr(torch.nn, name)(*arguments, **options)
        assert list(mine.state_dict()) == list(theirs.state_dict())
        x = RNG.standard_normal(shape).astype(np.float32)
        np.testing.assert_allclose(mine(x).detach().numpy(), theirs(torch.tensor(x)).detach().numpy(), atol=2e-6)
        assert repr(mine) == repr(theirs)


def test_nothing_to_normalise():
    for shape in [(0, 4, 3), (2, 4, 0)]:
        x, w = pydl.tensor(np.zeros(shape), requires_grad=True), pydl.tensor(np.ones(4), requires_grad=True)
        group_norm(x, 2, w).backward(np.zeros(shape))
        assert x.grad.shape == shape
        assert w.grad.tolist() == [0] * 4


ONES = np.ones((2, 4, 3))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: group_norm(ONES, 3), ValueError,
         r"group_norm: num_groups is 3 but must divide the 4 channels \(input \(2, 4, 3\)\)"),
        (lambda: group_norm(ONES[0, 0], 1), ValueError,
         r"group_norm: input must be \(N, C, \*\), but has shape \(3,\)"),
        (lambda: group_norm(ONES, 2, np.ones(3)), ValueError,
         r"group_norm: weight has shape \(3,\) but must be \(4,\)"),
        (lambda: group_norm(ONES[:1, :, 0], 4), ValueError, "group_norm: more than one number is needed in a group"),
        (lambda: instance_norm(ONES, np.ones(4)), ValueError,
         "instance_norm: running_mean and running_var must be None"),
        (lambda: nn.GroupNorm(3, 4), ValueError, "GroupNorm: num_channels is 4 but must be a multiple of 3 groups"),
        (lambda: nn.InstanceNorm2d(4)(ONES), ValueError,
         r"InstanceNorm2d: input must be \(N, C, H, W\) with C = 4, but has shape \(2, 4, 3\)"),
        (lambda: nn.InstanceNorm1d(4, track_running_stats=True), ValueError,
         "InstanceNorm1d: track_running_stats must be False"),
    ],
)  # fmt: skip
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_instance_norm_of_one_sample_without_a_batch():
    for name, shape in (("InstanceNorm1d", (3, 6)), ("InstanceNorm2d", (3, 5, 4)), ("InstanceNorm3d", (3, 2, 4, 3))):
        mine, theirs = getattr(nn, name)(3), getattr(pytest.importorskip("torch").nn, name)(3)
        check_torch(mine, theirs, RNG.standard_normal(shape))


@pytest.mark.parametrize(
    "layer", [nn.GroupNorm(1, 2), nn.InstanceNorm1d(2, affine=True), nn.LayerNorm(2), nn.RMSNorm(2)]
)
def test_parameters_start_anew(layer):
    for parameter in layer.parameters():
        parameter.data[...] = 7
    layer.reset_parameters()
    assert {name: each.tolist() for name, each in layer.named_parameters()} in (
        {"weight": [1, 1], "bias": [0, 0]},
        {"weight": [1, 1]},
    )
