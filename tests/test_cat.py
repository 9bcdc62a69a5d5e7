import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl.ops import cat, stack
from pydl.ops.cat import cat_forward

rng = np.random.default_rng(0)
X = rng.standard_normal((4, 3, 5))
Y = rng.standard_normal((4, 2, 5))


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def test_native_equals_reference():
    check_kernel(cat_forward)


@pytest.mark.parametrize(("rows", "size"), [(0, 8), (2, 9), (2, 7), (3, 8)])
def test_kernel_refuses_what_does_not_fit(rows, size):
    with pytest.raises(ValueError, match="cat_forward: all arrays must be matrices of as many rows"):
        cat_forward.native([np.zeros(4), np.zeros(4)], rows, np.zeros(size))


@pytest.mark.parametrize("dim", [1, -2])
def test_cat(torch, dim):
    check_torch(lambda x, y: cat([x, y, x], dim), lambda x, y: torch.cat([x, y, x], dim), X, Y)
    check_gradient(lambda x, y: cat((x, y), dim), X, Y)


@pytest.mark.parametrize("dim", [0, 1, 3, -1])
def test_stack(torch, dim):
    check_torch(lambda x, y: stack([x, y], dim), lambda x, y: torch.stack([x, y], dim), X, 2 * X)
    check_gradient(lambda x, y: stack([x, y], dim), X[:2, :1, :2], X[2:, :1, :2])


@pytest.mark.parametrize("dtype", ["bool", "int8", "int16", "int32", "int64", "uint8"])
def test_whole_numbers(dtype):
    x, y = (np.arange(24).reshape(2, 3, 4) % 7).astype(dtype), np.ones((2, 5, 4), dtype)
    for a, b in [(x, y), (x[:, ::-1], y), (x, y[:, ::2])]:
        got = cat([a, b], 1)
        assert got.dtype == dtype
        np.testing.assert_array_equal(got.numpy(), np.concatenate([a, b], 1))


def test_stack_of_numbers(torch):
    check_torch(lambda x, y: stack([x.sum(), y.sum()]), lambda x, y: torch.stack([x.sum(), y.sum()]), X, 2 * X)
    assert stack([1, 2]).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: cat([]), ValueError, "cat: tensors is empty"),
        (lambda: cat(X), TypeError, "cat: tensors must be a list or tuple of tensors"),
        (lambda: cat([X, Y]), ValueError, r"cat: tensors\[1\] has shape \(4, 2, 5\) but must fit \(4, 3, 5\) in all"),
        (lambda: cat([X, X[0]]), ValueError, r"cat: tensors\[1\] has shape \(3, 5\) but tensors\[0\] has"),
        (
            lambda: cat([X, X.astype(np.float32)]),
            TypeError,
            r"cat: tensors\[1\] is float32 but tensors\[0\] is float64",
        ),
        (lambda: cat([pydl.tensor(1.0)]), ValueError, r"cat: tensors without dimensions .* use stack\(\)"),
        (lambda: cat([X], 3), IndexError, "cat: dim is 3"),
        (lambda: cat([X, "x"]), TypeError, r"cat: tensors\[1\] must be a tensor"),
        (lambda: stack([X, Y]), ValueError, r"stack: tensors\[1\] has shape \(4, 2, 5\) but tensors\[0\] has"),
        (lambda: stack([X], 4), IndexError, "stack: dim is 4, but must be from -4 to 3"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("rows", [70, 1])
def test_result_larger_than_the_caches(rows):
    x, y = rng.standard_normal((rows, 2**22 // rows)), rng.standard_normal((rows, 2**22 // rows + 3))
    assert np.array_equal(cat([x, y], 1).numpy(), np.concatenate([x, y], 1))
