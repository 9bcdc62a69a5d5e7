import numpy as np
import pytest
from checks import check_kernel

import pydl
from pydl.ops.argmax import argmax, argmax_forward, argmin, argmin_forward

rng = np.random.default_rng(0)


@pytest.mark.parametrize("kernel", [argmax_forward, argmin_forward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=40)


def test_worked_by_hand():
    x = pydl.tensor([[1.0, 3.0, 3.0], [2.0, 0.0, 0.0]])
    assert x.argmax(1).tolist() == [1, 0]
    assert x.argmin(1).tolist() == [0, 1]
    assert x.argmax().item() == 1
    assert x.argmax(1).dtype == np.int64


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.int8])
def test_indices_are_numpys(dtype):
    x = rng.integers(-9, 9, (4, 70, 133)).astype(dtype)
    for layout in (x, x.T, x[::-1, ::-2]):
        for dim in (0, 1, 2, None):
            np.testing.assert_array_equal(argmax(layout, dim).numpy(), np.argmax(layout, dim))
            np.testing.assert_array_equal(argmin(layout, dim).numpy(), np.argmin(layout, dim))
    assert argmax(x, 1, keepdim=True).shape == (4, 1, 133)
    assert argmax(x, keepdim=True).shape == (1, 1, 1)


def test_one_long_row():
    x = rng.integers(0, 1000, 200_001).astype(np.float32)
    before = pydl.get_num_threads()
    for threads in (1, 2, 3):
        pydl.set_num_threads(threads)
        assert argmax(x).item() == np.argmax(x)
    pydl.set_num_threads(before)
    x[150_000] = np.nan
    x[190_000] = np.nan
    assert argmax(x).item() == argmin(x).item() == 150_000


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: argmin(np.zeros((3, 0)), 1), ValueError, r"argmin: input has shape \(3, 0\)"),
        (lambda: argmax(np.zeros(0)), ValueError, "argmax: input has shape"),
        (lambda: argmax(np.zeros((3, 4)), 5), IndexError, "argmax: dim is 5, but the input has 2 dimensions"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_only_the_dimension_itself_must_hold_something():
    assert argmax(np.zeros((0, 2)), 1).shape == (0,)
