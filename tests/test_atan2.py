import numpy as np
from checks import check_gradient, check_refused, check_torch, torch

import pydl

RNG = np.random.default_rng(0)


def test_as_in_pytorch():
    a, b = RNG.standard_normal((3, 4)), RNG.standard_normal(4)
    check_torch(pydl.atan2, torch.atan2, a, b)
    check_gradient(pydl.atan2, a, b)
    check_torch(pydl.atan2, torch.atan2, a[:0], b)
    quadrants = np.array([1.0, -1.0, 0.0, -0.0, np.inf, np.nan])
    got, want = pydl.atan2(quadrants[:, None], quadrants).numpy(), np.arctan2(quadrants[:, None], quadrants)
    np.testing.assert_array_equal(got, want)
    assert pydl.atan2(np.array([1, 0]), 1).dtype == np.float32


def test_worked_by_hand():
    y, x = pydl.tensor([3.0], requires_grad=True), pydl.tensor([4.0], requires_grad=True)
    pydl.atan2(y, x).backward(np.float32([25]))
    assert y.grad.item() == 4
    assert x.grad.item() == -3


def test_refuses():
    check_refused(lambda: pydl.atan2("a", 1), TypeError, "atan2: input must be a tensor or an array, not str")
    check_refused(
        lambda: pydl.atan2(np.ones(2), np.ones(3)), ValueError, "atan2: shapes (2,) and (3,) do not broadcast"
    )


def test_no_gradient_where_there_is_no_angle():
    y, x = pydl.zeros(1, requires_grad=True), pydl.zeros(1, requires_grad=True)
    pydl.atan2(y, x).backward(np.float32([1]))
    assert y.grad.item() == x.grad.item() == 0
