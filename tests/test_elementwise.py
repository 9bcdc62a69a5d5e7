"""The loop that all element-by-element kernels share, on arrays large enough for several threads and long rows."""

import numpy as np
import pytest
from checks import check_threads

from pydl import _native
from pydl.check import lay_out
from pydl.op import empty, native_isa
from pydl.ops.mul import mul_forward
from pydl.ops.neg import neg_forward
from pydl.ops.where import where_forward

rng = np.random.default_rng(0)
SHAPES = [
    ((70_001,), (70_001,)),
    ((3, 40_000), (3, 1)),
    ((3, 40_000), (40_000,)),
    ((20_011, 3), (3,)),
    ((20_011, 3), (20_011, 1)),
    ((8, 5, 31, 33), (5, 1, 1)),
    ((2, 3, 2, 3, 2, 3, 2, 3), (1, 3, 1, 3, 1, 3, 1, 3)),
]


@pytest.mark.parametrize("isa", _native.isas)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("a_shape", "b_shape"), SHAPES)
def test_two_operands(isa, dtype, a_shape, b_shape):
    a = rng.standard_normal(a_shape).astype(dtype)
    for layout in ("contiguous", "strided", "reversed", "transposed"):
        b = lay_out(rng.standard_normal(b_shape).astype(dtype), layout)
        with native_isa(isa):
            for x, z in ((a, b), (b, a)):
                y = empty(a_shape, np.dtype(dtype))
                mul_forward(x, z, y)
                np.testing.assert_array_equal(y, x * z)
            check_threads(mul_forward, {"a": a, "b": b, "y": y})


@pytest.mark.parametrize("isa", _native.isas)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("length", [2, 7, 8, 10, 16, 33, 64])
def test_short_rows_in_another_order(isa, dtype, length):
    a, b, c = (rng.standard_normal(shape).astype(dtype) for shape in [(3, 150, length)] * 2 + [(150, 3, length)])
    inputs = [b, c.transpose(1, 0, 2), b[:, :, :1], b[0, 0], b[:, :1], a[:, ::-1], a[:, :, ::-1]]
    condition = a > b
    with native_isa(isa):
        for x in inputs:
            y = empty(a.shape, np.dtype(dtype))
            mul_forward(a, x, y)
            np.testing.assert_array_equal(y, a * x)
            where_forward(condition, x, c.transpose(1, 0, 2), y)
            np.testing.assert_array_equal(y, np.where(condition, x, c.transpose(1, 0, 2)))
            y = a.copy()
            mul_forward(y, x, y)
            np.testing.assert_array_equal(y, a * x)


@pytest.mark.parametrize("layout", ["contiguous", "strided", "reversed", "transposed"])
def test_result_of_any_layout(layout):
    x = rng.standard_normal((300, 130)).astype(np.float32)
    y = lay_out(np.zeros_like(x), layout)
    neg_forward(x, y)
    np.testing.assert_array_equal(y, -x)


def test_in_place():
    x = rng.standard_normal((300, 130)).astype(np.float32)
    want = x * x
    mul_forward(x, x, x)
    np.testing.assert_array_equal(x, want)


def test_refuses():
    with pytest.raises(ValueError, match="mul_forward: a and b must broadcast to y"):
        mul_forward(np.zeros((2, 3)), np.zeros((2, 2)), np.zeros((2, 3)))
