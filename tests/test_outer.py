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


def test_what_is_not_usual():
    a, b = pydl.tensor([1, 2]), pydl.tensor([3, 4, 5])
    assert pydl.outer(a, vec2=b).tolist() == [[3, 4, 5], [6, 8, 10]]
    assert pydl.outer([1.0, 2.0], b).dtype == np.float32
    assert pydl.outer(pydl.tensor([-1.0]), pydl.tensor([0.0])).data.tobytes() == np.float32([-0.0]).tobytes()
    assert pydl.outer(pydl.zeros(0), pydl.zeros(3)).shape == (0, 3)
    x = pydl.tensor([1.0, 2.0], requires_grad=True)
    pydl.outer(x, b).sum().backward()
    assert x.grad.tolist() == [12.0, 12.0]
    assert pydl.mv(np.ones((2, 3)), vec=np.ones(3)).tolist() == [3.0, 3.0]


def test_refuses():
    x = np.ones((2, 3))
    check_refused(lambda: pydl.dot(x, x), ValueError, "dot: input must be a vector, but has shape (2, 3)")
    check_refused(lambda: pydl.mm(x, np.ones(3)), ValueError, "mm: mat2 must be a matrix, but has shape (3,)")
    check_refused(lambda: pydl.bmm(x[None], np.ones((2, 3, 1))), ValueError, "bmm: input has 1 matrices but mat2 has 2")
