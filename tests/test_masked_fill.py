"""masked_fill and masked_select, against PyTorch and central differences."""

import numpy as np
import pytest
from checks import check_gradient, check_refused, check_torch, torch

import pydl

rng = np.random.default_rng(0)
X, MASK = rng.standard_normal((3, 4, 5)), rng.random((4, 5)) < 0.5
CALLS = {
    "masked_fill": lambda x, mask: x.masked_fill(mask, -2),
    "infinite": lambda x, mask: x.masked_fill(mask, -np.inf),
    "masked_fill_": lambda x, mask: (x * 1).masked_fill_(mask, 3.5),
    "masked_select": lambda x, mask: x.masked_select(mask),
    "grows": lambda x, mask: x[0, :1].masked_fill(mask, 1.5),
    "select grows": lambda x, mask: x[0, :1].masked_select(mask),
}


@pytest.mark.parametrize("name", CALLS)
def test_as_in_pytorch(name):
    call = CALLS[name]
    for mask in (MASK, np.zeros((4, 5), bool)):
        check_torch(call, call, X, mask)
    if name != "infinite":
        check_gradient(lambda x: call(x, pydl.tensor(MASK)), X)


def test_a_tensor_as_value():
    def call(x, v):
        return x.masked_fill(MASK if isinstance(x, pydl.Tensor) else torch.tensor(MASK), v)

    check_torch(call, call, X, np.array(2.5))
    check_gradient(call, X, np.array(2.5))


def test_integers_stay_integers():
    x = pydl.tensor([1, 2, 3]).masked_fill(np.array([True, False, True]), 0)
    assert (x.tolist(), x.dtype) == ([0, 2, 0], np.int64)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pydl.masked_fill(X, np.ones((4, 5)), 0), TypeError, "masked_fill: mask has dtype float64 but must be"),
        (lambda: pydl.masked_fill(X, MASK[:3], 0), ValueError, "masked_fill: shapes (3, 4, 5) and (3, 5) do not broad"),
        (lambda: pydl.masked_fill(X, MASK, pydl.ones(2)), ValueError, "masked_fill: value must be one number, but has"),
        (lambda: pydl.masked_fill([1], [True], 2**70), ValueError, "masked_fill: value is 1180591620717411303424, whi"),
        (lambda: pydl.masked_select(X, 1), TypeError, "masked_select: mask has dtype int64 but must be bool"),
    ],
)  # fmt: skip
def test_refuses(call, error, message):
    check_refused(call, error, message)
