"""What checks made of shapes is remembered, but only for arguments that mean the same."""

import numpy as np
import pytest

from pydl._compiled import remembered
from pydl.nn import functional as F


@pytest.fixture
def counted():
    calls = []

    @remembered
    def function(*arguments):
        calls.append(arguments)
        return repr(arguments)

    return function, calls


def test_the_same_shapes_are_checked_once(counted):
    function, calls = counted
    for _ in range(3):
        assert function("op", (2, 3), None, np.dtype("f4"), True) == repr(("op", (2, 3), None, np.dtype("f4"), True))
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("first", "second"), [(1, True), (0, False), (1, 1.0), ((1, 2), (1.0, 2)), ((1, 2), (True, 2)), (2, np.int64(2))]
)
def test_equal_arguments_of_other_types_are_other_arguments(counted, first, second):
    function, _ = counted
    for argument in (first, second, first):
        assert function(argument) == repr((argument,))


def test_what_cannot_be_hashed_is_passed_on(counted):
    function, calls = counted
    assert function([1, 2]) == function([1, 2])
    assert len(calls) == 2


def test_it_forgets_rather_than_grows(counted):
    function, calls = counted
    for n in range(10_000):
        function(n)
    function(0)
    assert len(calls) == 10_001


def test_errors_are_not_remembered():
    x, w = np.ones((1, 1, 5, 5), np.float32), np.ones((1, 1, 3, 3), np.float32)
    F.conv2d(x, w, stride=2)
    for stride in (2.0, True, (2.0, 2), "2"):
        for _ in range(2):
            with pytest.raises(TypeError, match="conv2d: stride must be an integer"):
                F.conv2d(x, w, stride=stride)
