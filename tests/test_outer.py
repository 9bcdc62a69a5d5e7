"""outer, dot, mv, mm and bmm, against PyTorch and central differences."""

import numpy as np
import pytest
from checks import check_gradient, check_refused, check_torch

import pydl

rng = np.random.default_rng(0)
SHAPES = {"outer": ((3,), (4,)), "dot": ((5,), (5,)), "mv": ((3, 4), (4,)), "mm": ((3, 4), (4, 2))}
SHAPES |= {"bmm": ((2, 3, 4), (2, 4, 5))}


@pytest.mark.parametrize("name", SHAPES)
def test_as_in_pytorch(name):
    a, b = (rng.standard_normal(shape) for shape in SHAPES[name])

    def call(x, y):
        return getattr(x, name)(y)

    check_torch(call, call, a, b)
    check_gradient(call, a, b)


def test_refuses():
    x = np.ones((2, 3))
    check_refused(lambda: pydl.dot(x, x), ValueError, "dot: input must be a vector, but has shape (2, 3)")
    check_refused(lambda: pydl.mm(x, np.ones(3)), ValueError, "mm: mat2 must be a matrix, but has shape (3,)")
    check_refused(lambda: pydl.bmm(x[None], np.ones((2, 3, 1))), ValueError, "bmm: input has 1 matrices but mat2 has 2")
