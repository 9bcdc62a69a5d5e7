import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

from pydl.ops import pad
from pydl.ops.pad import pad_backward, pad_forward

rng = np.random.default_rng(0)
X = rng.standard_normal((4, 3, 5))


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.mark.parametrize(
    "sizes", [(1, 2), (0, 0, 3, 1), (1, 1, 2, 2, 0, 3), (-1, -2), (-2, 4, 0, -1), (2, -4), (), (-9, 7), (7, -9)]
)
def test_pad(torch, sizes):
    f = torch.nn.functional.pad
    if sizes in ((-9, 7), (7, -9)):  # beyond what PyTorch does: all of x is cut off
        assert not pad(X, sizes, value=0.0).numpy().any()
        return
    check_torch(lambda x: pad(x, sizes), lambda x: f(x, sizes), X)
    check_torch(lambda x: pad(x, sizes, "constant", 1.5), lambda x: f(x, sizes, "constant", 1.5), X)
    check_gradient(lambda x: pad(x, sizes), X)


@pytest.mark.parametrize("kernel", [pad_forward, pad_backward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.int16, np.uint8, np.bool_, np.float64])
def test_pad_of_any_numbers(dtype):
    assert pad(np.array([1, 2]), (1, 1), value=7).tolist() == [7, 1, 2, 7]
    x = rng.integers(0, 2**40, (2, 3, 70)).astype(dtype)
    for mode, name in (("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap"), ("constant", "constant")):
        np.testing.assert_array_equal(pad(x, (2, 33), mode).numpy(), np.pad(x, ((0, 0), (0, 0), (2, 33)), name))
        want = np.pad(x, ((0, 0), (2, 1), (0, 0)), name)
        np.testing.assert_array_equal(pad(x, (0, 0, 2, 1), mode).numpy(), want)
        np.testing.assert_array_equal(
            pad(x[:, :, ::-2], (3, 0), mode).numpy(), np.pad(x[:, :, ::-2], ((0, 0),) * 2 + ((3, 0),), name)
        )
    wide = rng.integers(0, 2**40, (2, 3, 2, 2, 2)).astype(dtype)
    np.testing.assert_array_equal(pad(wide, (1, 0) * 5).numpy(), np.pad(wide, (((1, 0),) * 5)))


def test_long_rows_are_shared():
    x = rng.standard_normal((1, 70000))
    for mode, name in (("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap"), ("constant", "constant")):
        np.testing.assert_array_equal(pad(x, (400, 60000), mode).numpy(), np.pad(x, ((0, 0), (400, 60000)), name))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pad(X, (1,)), ValueError, "pad: pad has 1 numbers, but needs two for each of up to 3 dimensions"),
        (lambda: pad(X, (1,) * 8), ValueError, "pad: pad has 8 numbers"),
        (lambda: pad(X, (-3, -3)), ValueError, "pad: -3 and -3 cut more than there is in dimension 2"),
        (lambda: pad(X, (1, 1), "mirror"), ValueError, "pad: mode must be 'constant', 'reflect', 'replicate' or"),
        (
            lambda: pad(np.ones((1, 1, 3)), (3, 0), "reflect"),
            ValueError,
            "pad: 3 and 0 must be from 0 to 2 for 'reflect', dimension 2 of",
        ),
        (lambda: pad(np.ones((1, 3)), (1, 1), "circular", 2.0), ValueError, "pad: value is 2.0, but mode 'circular'"),
        (lambda: pad(X, 1), TypeError, "pad: pad must be a tuple of integers, not 1"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize(
    ("shape", "sizes"),
    [((2, 3, 5), (2, 1)), ((3, 4), (0, 3)), ((2, 3, 4, 5), (1, 3, 2, 0)), ((1, 2, 3, 4, 3), (1,) * 6)],
)
def test_borders_made_of_the_tensor(torch, mode, shape, sizes):
    x = np.random.default_rng(0).standard_normal(shape)
    check_gradient(lambda x: pad(x, sizes, mode), x)
    check_torch(lambda x: pad(x, sizes, mode), lambda x: torch.nn.functional.pad(x, sizes, mode), x)


def test_pad_kernel_stays_inside():
    x, value = np.zeros((1, 1, 1, 3)), np.zeros(())
    for front, mode in (((0, 0, 3), 1), ((0, 0, -1), 2), ((0, 0, 4), 3), ((0, 0, 0), 4), ((2**62, 0, 0), 0)):
        with pytest.raises(ValueError, match="pad_forward: x is"):
            pad_forward.native(x, value, front, mode, np.zeros((1, 1, 1, 3 + max(front[2], 0))))
