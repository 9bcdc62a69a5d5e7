import numpy as np
import pytest

import pydl
from pydl.ops.eq import eq, ne


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
