import numpy as np
import pytest
from checks import check_gradient, check_refused, check_torch, check_whole_numbers

import pydl

rng = np.random.default_rng(0)
X, V = rng.standard_normal((3, 4, 5)), rng.standard_normal(4)
CALLS = {
    "triu": (lambda x: x.triu(), X),
    "triu -1": (lambda x: x.triu(-1), X),
    "tril": (lambda x: x.tril(), X),
    "tril 2": (lambda x: x.tril(2), X),
    "diagonal": (lambda x: x.diagonal(), X),
    "diagonal 1": (lambda x: x.diagonal(1, -1, 0), X),
    "diagonal -2": (lambda x: x.diagonal(-2, 1, 2), X),
    "diagonal far": (lambda x: x.diagonal(9), X),
    "diag": (lambda x: x.diag(), V),
    "diag -2": (lambda x: x.diag(-2), V),
    "diag of a matrix": (lambda x: x.diag(1), X[0]),
}


@pytest.mark.parametrize("name", CALLS)
def test_as_in_pytorch(name):
    call, x = CALLS[name]
    check_torch(call, call, x)
    check_torch(call, call, x[:0])
    check_gradient(call, x)
    check_whole_numbers(call, x)


def test_worked_by_hand():
    assert pydl.triu(np.array([[1, 2], [3, 4]])).tolist() == [[1, 2], [0, 4]]
    assert pydl.diag([1, 2]).tolist() == [[1, 0], [0, 2]]


def test_refuses():
    check_refused(lambda: pydl.triu(V), ValueError, "triu: input must have at least 2 dimensions, but has shape (4,)")
    check_refused(lambda: pydl.diag(X), ValueError, "diag: input must be a vector or a matrix, but has shape (3, 4, 5)")
    check_refused(lambda: pydl.diagonal(X, 0, 1, 1), ValueError, "diagonal: dim1 and dim2 are the same dimension of in")
