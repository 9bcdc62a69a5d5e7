import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl import nn
from pydl.ops.batch_norm import (
    batch_norm,
    batch_norm_again,
    batch_norm_backward,
    batch_norm_forward,
    batch_norm_inference,
)

RNG = np.random.default_rng(0)
SHAPES = [(5, 3), (2, 3, 4), (33, 70), (4, 5, 7, 7), (1, 3, 9, 9), (7, 64, 2, 2), (2, 3, 2, 3, 4), (3, 1, 50, 50)]
NAMES = ("running_mean", "running_var", "num_batches_tracked")


@pytest.mark.parametrize(
    "kernel", [batch_norm_forward, batch_norm_again, batch_norm_inference, batch_norm_backward], ids=lambda k: k.name
)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


@pytest.mark.parametrize("shape", [(3, 5, 30), (40, 7, 3)], ids=str)
def test_again_gives_the_same_bits(shape):
    C = shape[1]
    x, w = (RNG.standard_normal(shape) + 3).astype(np.float32), RNG.uniform(0.5, 2.0, C).astype(np.float32)
    y, again, affine = np.empty_like(x), np.empty_like(x), np.empty((3, C), np.float32)
    batch_norm_forward(x, w, None, None, None, 0.1, 1e-5, None, 0.0, 1.5, y, w.copy(), w.copy(), affine)
    batch_norm_again(x, affine, 0.0, 1.5, again)
    assert np.array_equal(y, again)
    assert (y.min(), y.max()) == (0.0, 1.5)


def test_worked_by_hand():
    x = pydl.tensor(np.array([[1.0, 5.0], [3.0, 5.0]]), requires_grad=True)
    mean, var = pydl.zeros(2, dtype=np.float64), pydl.ones(2, dtype=np.float64)
    y = batch_norm(x, mean, var, np.array([2.0, 1.0]), np.array([0.5, 7.0]), training=True, momentum=0.5, eps=0.0001)
    r = 1 / np.sqrt(1.0001)
    np.testing.assert_allclose(y.detach().numpy(), [[0.5 - 2 * r, 7.0], [0.5 + 2 * r, 7.0]])
    np.testing.assert_allclose(mean.numpy(), [1.0, 2.5])
    np.testing.assert_allclose(var.numpy(), [1.5, 0.5])  # unbiased: the variance of 1 and 3 is 2
    y.backward(np.array([[1.0, 1.0], [0.0, 0.0]]))
    slope = 2 * r * (0.5 - 0.5 * r * r)
    np.testing.assert_allclose(x.grad.numpy(), [[slope, 50.0], [-slope, -50.0]], rtol=1e-9)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_torch(shape, training, affine):
    torch = pytest.importorskip("torch")
    C = shape[1]
    arrays = [3 * RNG.standard_normal(shape) + 1]
    arrays += [RNG.uniform(0.5, 2.0, C), RNG.standard_normal(C)] if affine else []
    mean, var = RNG.standard_normal(C), RNG.uniform(0.5, 2.0, C)

    def mine(x, *affine):
        return batch_norm(x, mean.astype(x.dtype), var.astype(x.dtype), *affine, training=training)

    def theirs(x, *affine):
        running = [torch.tensor(each, dtype=x.dtype) for each in (mean, var)]
        return torch.nn.functional.batch_norm(x, *running, *affine, training=training)

    check_torch(mine, theirs, *arrays)


@pytest.mark.parametrize("shape", [(4, 3), (3, 2, 4), (2, 2, 3, 5)], ids=str)
@pytest.mark.parametrize("training", [True, False])
def test_gradient(shape, training):
    C = shape[1]
    mean, var = RNG.standard_normal(C), RNG.uniform(0.5, 2.0, C)

    def f(x, w, b):
        return batch_norm(x, mean.copy(), var.copy(), w, b, training)

    check_gradient(f, RNG.standard_normal(shape), RNG.uniform(0.5, 2.0, C), RNG.standard_normal(C))


@pytest.mark.parametrize("shape", [(9, 40, 2500), (3, 5, 5001), (1, 70, 4097), (40, 3, 2048)], ids=str)
def test_channels_of_several_blocks(shape):
    """As in double precision, and the same for any number of threads."""
    x, dy = (RNG.standard_normal(shape).astype(np.float32) for _ in range(2))
    x += 5
    exact, slope = x.astype(np.float64), dy.astype(np.float64)
    mean, std = exact.mean((0, 2), keepdims=True), exact.std((0, 2), keepdims=True)
    xhat = (exact - mean) / std
    want = (slope - slope.mean((0, 2), keepdims=True) - xhat * (slope * xhat).mean((0, 2), keepdims=True)) / std
    before, results = pydl.get_num_threads(), set()
    for threads in (1, 2, 3):
        pydl.set_num_threads(threads)
        input = pydl.tensor(x, requires_grad=True)
        y = batch_norm(input, None, None, training=True, eps=0.0)
        y.backward(dy)
        results.add(y.detach().numpy().tobytes() + input.grad.numpy().tobytes())
    pydl.set_num_threads(before)
    assert len(results) == 1
    np.testing.assert_allclose(y.detach().numpy(), xhat, rtol=0, atol=1e-5)
    np.testing.assert_allclose(input.grad.numpy(), want, rtol=0, atol=1e-5)


@pytest.mark.parametrize("shape", [(64, 8, 16, 16), (20000, 5), (3000, 4, 2, 2), (1, 1, 300, 1000)], ids=str)
@pytest.mark.parametrize("offset", [1e4, -1e4])
def test_nothing_cancels(shape, offset):
    """A mean of 1e4 and a deviation of 1 in float32: as good as the numbers themselves."""
    x = (RNG.standard_normal(shape) + offset).astype(np.float32)
    axes = (0, *range(2, len(shape)))
    exact = x.astype(np.float64)
    mean, std = exact.mean(axes, keepdims=True), exact.std(axes, keepdims=True)
    y = batch_norm(x, None, None, training=True, eps=0.0).numpy()
    np.testing.assert_allclose(y, (exact - mean) / std, rtol=0, atol=2e-5)


@pytest.mark.parametrize("momentum", [0.1, 1.0, 0.0, None])
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        ("BatchNorm1d", (6, 3)),
        ("BatchNorm1d", (2, 3, 5)),
        ("BatchNorm2d", (2, 3, 4, 5)),
        ("BatchNorm3d", (2, 3, 2, 2, 3)),
    ],
)
def test_layer_as_in_torch(layer, shape, momentum):
    """Three steps of training, then evaluation: results, running statistics, state and its names."""
    torch = pytest.importorskip("torch")
    mine, theirs = getattr(nn, layer)(3, momentum=momentum), getattr(torch.nn, layer)(3, momentum=momentum)
    for step in range(3):
        x = (RNG.standard_normal(shape) * (step + 1) + step).astype(np.float32)
        np.testing.assert_allclose(
            mine(x).detach().numpy(), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-4, atol=1e-5
        )
    mine.eval(), theirs.eval()
    np.testing.assert_allclose(mine(x).detach().numpy(), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-4, atol=1e-5)
    state, expected = mine.state_dict(), theirs.state_dict()
    assert list(state) == list(expected)
    for name, value in expected.items():
        assert state[name].dtype == value.numpy().dtype
        np.testing.assert_allclose(state[name].numpy(), value.numpy(), rtol=1e-4, atol=1e-6, err_msg=name)
    mine.load_state_dict({name: value.numpy() for name, value in expected.items()})
    assert repr(mine) == repr(theirs)


def test_without_running_statistics_evaluation_uses_the_batch():
    layer = nn.BatchNorm1d(4, affine=False, track_running_stats=False).eval()
    x = RNG.standard_normal((10, 4)).astype(np.float32)
    np.testing.assert_allclose(layer(x).numpy().mean(0), 0, atol=1e-6)
    assert not layer.state_dict()
    assert [getattr(layer, name) for name in NAMES] == [None] * 3


def test_options_of_the_layer():
    layer = nn.BatchNorm2d(3, bias=False)
    assert layer.bias is None
    layer(np.ones((2, 3, 1, 1), np.float32))
    layer.reset_parameters()
    assert layer.num_batches_tracked.item() == 0
    assert layer.running_var.tolist() == [1, 1, 1]
    assert layer.double().running_mean.dtype == np.float64


def test_other_layouts():
    x = RNG.standard_normal((6, 8, 10, 20)).astype(np.float32)
    for view in (x[::-1, ::2, ::-1, ::3], x.transpose(0, 3, 1, 2), np.broadcast_to(x[:1], (3, 8, 10, 20))):
        want = batch_norm(np.ascontiguousarray(view), None, None, training=True).numpy()
        np.testing.assert_allclose(batch_norm(view, None, None, training=True).numpy(), want, atol=2e-6)


def test_nothing_to_normalise():
    mean, var = np.full(3, 2.0), np.full(3, 3.0)
    for shape in [(0, 3), (4, 3, 0), (0, 3, 2)]:
        x = pydl.tensor(np.zeros(shape), requires_grad=True)
        w = pydl.tensor(np.ones(3), requires_grad=True)
        for training in (True, False):
            y = batch_norm(x, mean, var, w, training=training)
            y.backward(np.zeros(shape))
            assert y.shape == x.grad.shape == shape
            assert w.grad.tolist() == [0, 0, 0]
    assert batch_norm(np.zeros((3, 0, 2)), None, None, training=True).shape == (3, 0, 2)
    assert (mean[0], var[0]) == (2.0, 3.0)


def test_a_channel_with_nan_or_infinities_leaves_the_others_alone():
    torch = pytest.importorskip("torch")
    for bad in (np.nan, np.inf, -np.inf):
        for shape in [(9, 3), (4, 3, 5, 5)]:
            x = RNG.standard_normal(shape).astype(np.float32)
            x[2, 1] = bad
            running = [np.zeros(3, np.float32), np.ones(3, np.float32)]
            theirs = [torch.tensor(each) for each in running]
            want = torch.nn.functional.batch_norm(torch.tensor(x), *theirs, training=True).numpy()
            for backend in ("native", "reference"):
                ours = [each.copy() for each in running]
                with pydl.use_backend(backend):
                    np.testing.assert_allclose(batch_norm(x, *ours, training=True).numpy(), want, atol=1e-5)
                for mine, other in zip(ours, theirs, strict=True):
                    np.testing.assert_allclose(mine, other.numpy(), atol=1e-6)


ONES = np.ones((4, 3, 2), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: batch_norm(ONES[:, 0, 0], None, None, training=True), ValueError,
         r"batch_norm: input must be \(N, C\) or \(N, C, \*\), but has shape \(4,\)"),
        (lambda: batch_norm(ONES, None, None), ValueError,
         "batch_norm: running_mean and running_var are None, but without training they are needed"),
        (lambda: batch_norm(ONES[:1, :, :1], None, None, training=True), ValueError,
         r"batch_norm: training needs more than one number in a channel \(input \(1, 3, 1\)\)"),
        (lambda: batch_norm(ONES, np.ones(3), None), TypeError,
         "batch_norm: running_mean is float64 but input is float32; convert one of them"),
        (lambda: batch_norm(ONES, None, None, ONES[0, 0], training=True), ValueError,
         r"batch_norm: weight has shape \(2,\) but must be \(3,\), one number a channel \(input \(4, 3, 2\)\)"),
        (lambda: batch_norm(ONES, None, None, training=True, eps=-1), ValueError,
         "batch_norm: eps is -1.0 but must be at least 0"),
        (lambda: batch_norm(ONES, np.broadcast_to(np.float32(1), 3), None, training=True), ValueError,
         "batch_norm: running_mean changes in training, but its memory is read-only"),
        (lambda: nn.BatchNorm2d(3)(ONES), ValueError,
         r"BatchNorm2d: input must be \(N, C, H, W\), but has shape \(4, 3, 2\)"),
        (lambda: nn.BatchNorm1d(2)(ONES), ValueError, r"batch_norm: weight has shape \(2,\) but must be \(3,\)"),
        (lambda: nn.BatchNorm1d(-1), ValueError, "BatchNorm1d: num_features must be at least 0, not -1"),
    ],
)  # fmt: skip
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
