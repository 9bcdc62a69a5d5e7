import numpy as np
import pytest
from checks import check_gradient, check_refused, check_torch, check_whole_numbers

import pydl

X = np.random.default_rng(0).standard_normal((3, 4, 5))
CALLS = {
    "flat": lambda x: x.roll(7),
    "dim": lambda x: x.roll(-2, 1),
    "dims": lambda x: x.roll((1, -9), (-1, 0)),
    "twice": lambda x: x.roll((1, 1), (0, 0)),
}


@pytest.mark.parametrize("name", CALLS)
def test_as_in_pytorch(name):
    for values in (X, X[:0], X.T):
        check_torch(CALLS[name], CALLS[name], values)
    check_gradient(CALLS[name], X)
    check_whole_numbers(CALLS[name], X)


def test_worked_by_hand():
    assert pydl.roll(np.array([1, 2, 3, 4]), 1).tolist() == [4, 1, 2, 3]


def test_refuses():
    check_refused(lambda: pydl.roll(X, (1, 2)), ValueError, "roll: shifts must be one integer without dims, not (1, 2)")
    check_refused(lambda: pydl.roll(X, (1, 2), 0), ValueError, "roll: shifts has 2 numbers but dims has 1")
    check_refused(lambda: pydl.roll(X, 1, 3), IndexError, "roll: dim is 3, but the input has 3 dimensions")
