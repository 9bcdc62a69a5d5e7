import math

import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl.ops.sum import sum, sum_forward, sum_integers

rng = np.random.default_rng(0)
X = rng.standard_normal((3, 4, 2))
DIMS = [None, 0, 1, -1, (0, 2), (1, -1), (0, 1, 2), ()]


@pytest.mark.parametrize("kernel", [sum_forward, sum_integers], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=50)


@pytest.mark.parametrize(
    "shape", [(90, 70, 33), (2, 100_000, 1), (1, 3, 50_000), (0, 3, 2), (1,) * 8 + (3, 2)], ids=str
)
def test_whole_numbers_keep_all_their_digits(shape):
    """The sums are beyond 2^53, and beyond 2^63: they are modulo 2^64."""
    x = np.random.default_rng(0).integers(-(2**63), 2**63 - 1, shape)
    for view in (x, x[::-1], x.T, x[..., ::2]):
        for dim in [None, *range(min(view.ndim, 4)), (0, 2)]:
            got = sum(pydl.tensor(view), dim).numpy()
            np.testing.assert_array_equal(got, np.sum(view, dim))
            assert got.dtype == np.int64


def test_worked_by_hand():
    x = pydl.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
    assert x.sum().item() == 21
    assert x.sum(0).tolist() == [5, 7, 9]
    assert x.sum(1, keepdim=True).tolist() == [[6], [15]]
    x.sum(0).backward(np.array([1.0, 2.0, 3.0]))
    assert x.grad.tolist() == [[1, 2, 3], [1, 2, 3]]


@pytest.mark.parametrize("dim", DIMS)
def test_gradient(dim):
    check_gradient(lambda x: sum(x, dim), X)


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", [0, -1, (0, 2), (1, -1), (0, 1, 2), ()])
def test_torch(dim, keepdim):
    check_torch(lambda x: x.sum(dim, keepdim), lambda x: x.sum(dim, keepdim), X)
    check_torch(lambda x: x.sum(), lambda x: x.sum(), X)


def test_ten_million_floats_lose_nothing():
    x = rng.random(10_000_001, dtype=np.float32)
    assert sum(x).item() == np.float32(x.sum(dtype=np.float64))


@pytest.mark.parametrize("shape", [(100_003,), (7, 60_001), (60_001, 7), (300, 1, 700), (999, 331), (2, 500, 3, 70)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_long_reductions(shape, dtype):
    x = rng.standard_normal(shape).astype(dtype)
    for layout in (x, x.T, x[::-1], np.broadcast_to(x[:1], (5, *x.shape[1:]))):
        for dim in [*range(x.ndim), None]:
            want = layout.astype(np.float64).sum(dim)
            results = set()
            for threads in (1, 2, 3):
                before = pydl.get_num_threads()
                pydl.set_num_threads(threads)
                got = sum(layout, dim).numpy()
                pydl.set_num_threads(before)
                results.add(got.tobytes())
            assert len(results) == 1
            # Rounding is measured by the size of the terms, which a sum of both signs may be far smaller than.
            size = np.abs(layout.astype(np.float64)).sum(dim)
            assert (np.abs(got - want) <= (2e-7 if dtype == np.float32 else 1e-15) * size).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_of_a_few_vectors(dtype):
    x = np.random.default_rng(0).integers(-99, 99, (37, 70)).astype(dtype)  # whole numbers: sums are exact
    for count in range(1, 71):
        for rows in (1, 16, 37):
            part, gaps = x[:rows, :count], pydl.tensor(x)[:rows, :count]
            for each in (gaps, gaps.contiguous()):
                assert np.array_equal(each.sum(1).numpy(), part.sum(1))
                assert np.array_equal(each.amax(1).numpy(), part.max(1))


def test_integers_add_up_in_int64():
    assert sum(np.full(300, 127, np.int8)).item() == 300 * 127
    assert sum(np.array([[True, False], [True, True]]), 0).tolist() == [2, 1]
    assert sum(np.array([True])).dtype == np.int64


def test_nothing():
    assert sum(np.zeros((0,), np.float32)).item() == 0
    assert sum(np.zeros((3, 0)), 1).tolist() == [0, 0, 0]
    assert sum(np.zeros((3, 0)), 0).shape == (0,)
    x = pydl.zeros(0, 3, requires_grad=True)
    x.sum().backward()
    assert x.grad.shape == (0, 3)


def test_special_values():
    assert math.isnan(sum(np.array([1.0, np.nan])).item())
    assert math.isnan(sum(np.array([np.inf, -np.inf])).item())
    assert sum(np.array([np.inf, 1.0])).item() == np.inf


def test_a_number():
    x = pydl.tensor(3.0, requires_grad=True)
    y = x.sum()
    y.backward()
    assert (y.item(), x.grad.item(), x.sum(-1, keepdim=True).shape) == (3, 1, ())


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: sum(X, 3), IndexError, "sum: dim is 3, but the input has 3 dimensions"),
        (lambda: sum(X, (0, -3)), ValueError, r"sum: dim \(0, -3\) names a dimension twice"),
        (lambda: sum(X, 1.0), TypeError, "sum: dim must be an integer, not 1.0"),
        (lambda: sum(X.astype(">f8")), TypeError, "sum: input has foreign byte order"),
        (lambda: sum(X.astype(np.float16)), TypeError, "sum: input has dtype float16"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_kernel_checks_shapes():
    x, y = np.zeros((2, 3), np.float32), np.zeros((2, 2), np.float32)
    with pytest.raises(ValueError, match="sum_forward: y must have the shape of x"):
        sum_forward.native(x, y)
    with pytest.raises(ValueError, match="sum_forward: y must have the shape of x"):
        sum_forward.native(x, np.zeros((2,), np.float32))
