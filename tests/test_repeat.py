"""repeat, tile and repeat_interleave, against PyTorch and central differences."""

import numpy as np
import pytest
from checks import check_gradient, check_refused, check_torch, check_whole_numbers, torch

import pydl

X = np.random.default_rng(0).standard_normal((3, 1, 4))
COUNTS = np.array([2, 0, 1])
CALLS = {
    "repeat": lambda x: x.repeat(2, 3, 1),
    "repeat more": lambda x: x.repeat((2, 1, 3, 2)),
    "repeat none": lambda x: x.repeat(1, 0, 1),
    "repeat many": lambda x: x.reshape(3, 1, 2, 2, 1).repeat(2, 3, 1, 2, 2),
    "repeat still more": lambda x: x.repeat(2, 1, 2, 2, 3, 2),
    "tile": lambda x: x.tile((2,)),
    "tile more": lambda x: x.tile((2, 1, 1, 2)),
    "interleave": lambda x: x.repeat_interleave(3, 1),
    "interleave flat": lambda x: x.repeat_interleave(2),
    "interleave each": lambda x: x.repeat_interleave(
        COUNTS if isinstance(x, pydl.Tensor) else torch.tensor(COUNTS), dim=0
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_as_in_pytorch(name):
    check_torch(CALLS[name], CALLS[name], X)
    check_gradient(CALLS[name], X)
    check_whole_numbers(CALLS[name], X)


def test_worked_by_hand():
    x = pydl.tensor([[1, 2]])
    assert x.repeat(2, 2).tolist() == [[1, 2, 1, 2]] * 2
    assert x.repeat_interleave(2, 1).tolist() == [[1, 1, 2, 2]]


def test_refuses():
    x = pydl.tensor(X)
    check_refused(lambda: x.repeat(2), ValueError, "repeat: repeats (2,) has fewer numbers than input (3, 1, 4) has")
    check_refused(lambda: x.repeat(2**40, 2**40, 1), ValueError, "repeat: the shape (1099511627776, 1099511627776, 1)")
    check_refused(lambda: x.repeat_interleave(-1), ValueError, "repeat_interleave: repeats must be an integer of at l")
    check_refused(lambda: x.repeat_interleave(COUNTS, 2), ValueError, "repeat_interleave: repeats must be an integer")
