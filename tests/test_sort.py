import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_refused, check_torch, check_whole_numbers, torch

import pydl
from pydl.ops.sort import mode_forward, topk_forward

rng = np.random.default_rng(0)
X = rng.standard_normal((3, 4, 5))
CALLS = {
    "sort": lambda x: x.sort(stable=True),
    "descending": lambda x: x.sort(dim=1, descending=True, stable=True),
    "topk": lambda x: x.topk(3),
    "topk dim": lambda x: x.topk(2, 0, largest=False),
    "topk none": lambda x: x.topk(0, 1),
}


@pytest.mark.parametrize("kernel", [topk_forward, mode_forward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


@pytest.mark.parametrize("largest", [False, True])
def test_selection_is_the_beginning_of_the_order(largest):
    x = rng.integers(-3, 4, (5, 700)).astype(np.float32)
    x[1, ::7], x[2, :3], x[3, 5] = np.nan, np.inf, -0.0
    for k in (1, 5, 100):
        got, want = pydl.topk(x, k, largest=largest), pydl.sort(x, descending=largest)
        np.testing.assert_array_equal(got.values.numpy(), want.values.numpy()[:, :k])
        np.testing.assert_array_equal(got.indices.numpy(), want.indices.numpy()[:, :k])


@pytest.mark.parametrize("name", CALLS)
def test_as_in_pytorch(name):
    call = CALLS[name]
    check_torch(lambda x: call(x).values, lambda x: call(x).values, X)
    check_gradient(lambda x: call(x)[0], X)
    want = call(torch.tensor(X)).indices.numpy()
    np.testing.assert_array_equal(call(pydl.tensor(X)).indices.numpy(), want)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dim", [0, -1])
def test_equals_keep_their_order(descending, dim):
    whole = rng.integers(0, 3, (6, 30))
    x = whole.astype(np.float32)
    x[0, :4] = np.nan, np.inf, -np.inf, np.nan
    for values in (x, whole, whole > 1, x[:, :0]):
        want = torch.sort(torch.tensor(values), dim=dim, descending=descending, stable=True)
        got = pydl.sort(values, dim, descending)
        np.testing.assert_array_equal(got.values.numpy(), want.values.numpy())
        np.testing.assert_array_equal(got.indices.numpy(), want.indices.numpy())
        index = pydl.tensor(values).argsort(dim, descending)
        np.testing.assert_array_equal(index.numpy(), want.indices.numpy())
        assert index.dtype == np.int64


def test_whole_numbers():
    check_whole_numbers(lambda x: x.sort(stable=True), X)
    check_whole_numbers(lambda x: x.argsort(stable=True), X)


def test_numbers_without_dimensions():
    assert [each.item() for each in pydl.tensor(5.0).sort()] == [5.0, 0]
    assert [each.shape for each in pydl.tensor(5.0).topk(1)] == [(), ()]


def test_worked_by_hand():
    values, indices = pydl.tensor([[3.0, 1.0, 2.0]]).topk(2)
    assert (values.tolist(), indices.tolist()) == ([[3, 2]], [[0, 2]])


def test_refuses():
    check_refused(lambda: pydl.topk(X, 6), ValueError, "topk: k is 6, but dimension 2 of (3, 4, 5) has 5 elements")
    check_refused(lambda: pydl.topk(X, -1), ValueError, "topk: k must be at least 0, not -1")
    check_refused(lambda: pydl.topk(np.array(1.0), 0), ValueError, "topk: k must be 1 for an input without dimensions")
    check_refused(lambda: pydl.sort(X, 3), IndexError, "sort: dim is 3, but the input has 3 dimensions")
    check_refused(lambda: pydl.sort(X, descending=2.5), TypeError, "sort: descending must be True or False, not 2.5")


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8])
def test_few_of_many_whole_numbers(dtype):
    x = np.random.default_rng(0).integers(0, 99, (5, 60)).astype(dtype)
    for largest in (True, False):
        values, index = pydl.topk(x, 4, largest=largest)
        order = np.argsort(-x.astype(np.int64) if largest else x, kind="stable")[:, :4]
        np.testing.assert_array_equal(index.numpy(), order)
        assert values.dtype == dtype
    huge = np.array([2**62, 2**62 + 1, 5, 6, 7, 8, 9, 10])
    assert pydl.topk(huge, 2).indices.tolist() == [1, 0]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32"])
@pytest.mark.parametrize("count", [1, 2, 24, 25, 49, 88, 96, 97, 300, 70_000])
def test_long_lines_are_in_order(dtype, count):
    x = rng.standard_normal(count) * 10.0 ** rng.integers(-3, 4, count)
    if dtype[0] == "f":
        x = x.astype(dtype)
        x[rng.integers(0, count, count // 5)] = np.round(x[: count // 5])
        places = rng.permutation(count)[:20]
        odd = [np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, -1e-40, 3e-310, 1e-45]
        x[places] = np.array([*odd, *odd], dtype)[: len(places)]
    else:
        x = x.astype(dtype)
    for descending in (False, True):
        # Of equals the first comes first, in both directions.
        want = count - 1 - np.argsort(x[::-1], kind="stable")[::-1] if descending else np.argsort(x, kind="stable")
        got = pydl.sort(x, descending=descending)
        np.testing.assert_array_equal(got.indices.numpy(), want)
        np.testing.assert_array_equal(got.values.numpy(), x[want])
        np.testing.assert_array_equal(pydl.topk(x, count // 2, largest=descending).indices.numpy(), want[: count // 2])
    turned = pydl.sort(np.stack([x[::-1], x], 1)[::-1], 0)
    np.testing.assert_array_equal(turned.values.numpy()[:, 0], np.sort(x))


def test_integers_that_no_float_holds():
    x = np.array([2**60 + 1, 2**60, -(2**62), 2**60 + 2])
    assert pydl.sort(x).indices.tolist() == [2, 1, 0, 3]
    assert pydl.topk(x, 2).values.tolist() == [2**60 + 2, 2**60 + 1]
