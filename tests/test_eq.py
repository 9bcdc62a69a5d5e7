import operator

import numpy as np
import pytest
from checks import check_kernel

import pydl
from pydl.ops.eq import eq, eq_forward, ne


def test_native_equals_reference():
    check_kernel(eq_forward)


def test_worked_by_hand():
    a, b = pydl.tensor([1.0, 2.0, np.nan]), pydl.tensor([1.0, 3.0, np.nan], requires_grad=True)
    assert (a == b).tolist() == [True, False, False]
    assert (a != b).tolist() == [False, True, True]
    assert (a == b).dtype == np.bool_
    assert not (a == b).requires_grad
    assert (a.data == b).tolist() == [True, False, False]
    assert eq(pydl.tensor([[1], [2]]), np.array([1, 2])).tolist() == [[True, False], [False, True]]


def test_numbers_take_the_dtype_of_the_tensor():
    assert (pydl.tensor([0.1, 0.2]) == 0.1).tolist() == [True, False]
    assert (pydl.tensor(np.array([0.1])) == 0.1).tolist() == [True]
    assert (pydl.tensor([1, 2]) == 2).tolist() == [False, True]
    assert (pydl.tensor([1, 2]) != 1.5).tolist() == [True, True]
    assert (3 == pydl.tensor([3])).tolist() == [True]  # noqa: SIM300
    assert eq(pydl.tensor(2.0), 2.0).shape == ()


def test_neighbours_are_told_apart():
    small = np.float32(1e-45)  # in kernels of numbers that small ones are 0
    assert (pydl.tensor([small, 0.0]) > 0).tolist() == [True, False]
    big = 2**62  # its neighbours are the same float64
    assert (pydl.tensor([big, big + 1]) == big).tolist() == [True, False]
    assert (pydl.tensor([big, big + 1]) > pydl.tensor([[big], [big + 1]])).tolist() == [[False, True], [False, False]]
    assert (pydl.tensor([0.0, np.inf, -np.inf]) == pydl.tensor([-0.0, np.inf, np.inf])).tolist() == [True, True, False]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "bool"])
def test_any_layout(dtype):
    numbers = np.random.default_rng(0).integers(-2, 3, (2, 7, 40, 33)).astype(dtype)
    a, b = numbers
    pairs = [
        (a, b),
        (a[:, ::3, ::-1], b[:, ::3, ::-1]),
        (a.T, b.T),
        (a, b[0]),
        (a, b[:, :1, :]),
        (a[..., :5], b[..., :5]),
    ]
    for x, z in [*pairs, (a[:, :, 0], b[:, 0, 0, None]), (a[:0], b[:0]), (a[1, 2, 3], b)]:
        for compare in (operator.eq, operator.ne, operator.lt, operator.ge):
            np.testing.assert_array_equal(compare(pydl.tensor(x), pydl.tensor(z)).numpy(), compare(x, z))


def test_more_dimensions_than_kernels_take():
    x = pydl.tensor(np.arange(2.0).reshape(2, *(1,) * 9))
    assert (x == 1).flatten().tolist() == [False, True]
    assert (1 >= x).flatten().tolist() == [True, True]  # noqa: SIM300
    assert ((x > 0) & (x > 0)).flatten().tolist() == [False, True]


def test_what_is_no_number_is_not_equal():
    x = pydl.tensor([1.0])
    assert (x == None) is False  # noqa: E711
    assert (x != "text") is True
    assert x in {x}  # by identity: a tensor has a hash


def test_refuses():
    with pytest.raises(ValueError, match=r"eq: shapes \(2,\) and \(3,\) do not broadcast together"):
        eq(np.ones(2), np.ones(3))
    with pytest.raises(TypeError, match="ne: other must be a tensor or an array, not str"):
        ne(np.ones(2), "text")
