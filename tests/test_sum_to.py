import numpy as np
import pytest
from checks import check_kernel, check_threads

from pydl.op import empty
from pydl.ops.sum_to import sum_to, sum_to_forward


def test_native_equals_reference():
    check_kernel(sum_to_forward, examples=20)


# Large enough that the work is split in each of the ways that the kernel knows.
@pytest.mark.parametrize(
    ("shape", "target"),
    [
        ((300_000,), ()),
        ((300_000,), (1,)),
        ((5, 60_000), (5, 1)),
        ((60_000, 5), (5,)),
        ((700, 300), (300,)),
        ((300, 700), (300, 1)),
        ((40, 30, 20, 21), (30, 1, 1)),
        ((40, 30, 20, 21), (40, 1, 20, 1)),
        ((0, 4), (4,)),
        ((0, 4), (1, 1)),
        ((3, 0), (1, 0)),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("transposed", [False, True])
def test_large(shape, target, dtype, transposed):
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    x = np.asfortranarray(x) if transposed else x
    wide = (1,) * (len(shape) - len(target)) + target
    axes = tuple(d for d, size in enumerate(wide) if size == 1)
    exact = x.astype(np.float64).sum(axis=axes).reshape(target)
    terms = np.abs(x.astype(np.float64)).sum(axis=axes).reshape(target)
    # Pairwise: an error of a few roundings of the sum of magnitudes, however many terms there are.
    assert np.all(np.abs(sum_to(x, target) - exact) <= 2 * np.finfo(dtype).eps * terms)
    check_threads(sum_to_forward, {"x": x, "y": empty(target, np.dtype(dtype))})


def test_refuses():
    with pytest.raises(ValueError, match="sum_to_forward: y must broadcast to x"):
        sum_to_forward(np.zeros((2, 3)), np.zeros((2,)))
