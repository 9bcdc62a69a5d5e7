import numpy as np
import pytest
from checks import check_kernel

from pydl import _native
from pydl.op import native_isa
from pydl.ops.blend import LENGTH, LENGTH_BACKWARD, LINE, PRODUCT, QUOTIENT, SCALED, blend_forward


def test_native_equals_reference():
    check_kernel(blend_forward)


def blended(form, value, a, b, c):
    y = np.empty_like(a)
    blend_forward.native(a, b, c, form, value, y)
    return y


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("isa", _native.isas)
def test_bits_are_those_of_one_operation_after_another(isa, dtype):
    a, b, c = np.random.default_rng(0).standard_normal((3, 1003)).astype(dtype)
    value = dtype(0.3)
    with native_isa(isa):
        for form, want in (
            (SCALED, a + value * b),
            (PRODUCT, a + value * (b * c)),
            (QUOTIENT, a + value * (b / c)),
            (LINE, np.where(np.abs(c) < 0.5, a + c * (b - a), b - (1 - c) * (b - a))),
        ):
            np.testing.assert_array_equal(blended(form, value, a, b, c), want)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("isa", _native.isas)
def test_lengths(isa, dtype):
    big, tiny = np.sqrt(np.finfo(dtype).max) * 1e3, np.sqrt(np.finfo(dtype).tiny) / 1e3
    a = np.array([3, -3 * big, 3 * tiny, 0, -0.0, np.inf, -np.inf, np.nan, 1, np.inf, 5], dtype)
    b = np.array([-4, 4 * big, 4 * tiny, 0, 0, 1, np.inf, 1, np.nan, np.nan, 0], dtype)
    with native_isa(isa):
        y = blended(LENGTH, 1.0, a, b, a)
        da = blended(LENGTH_BACKWARD, 1.0, np.ones_like(a), a, y)
    want = np.array([5, 5 * big, 5 * tiny, 0, 0, np.inf, np.inf, np.nan, np.nan, np.inf, 5], dtype)
    np.testing.assert_allclose(y, want, rtol=2 * np.finfo(dtype).eps)
    np.testing.assert_allclose(da[[0, 1, 2, 3, 10]], [0.6, -0.6, 0.6, 0, 1], rtol=4 * np.finfo(dtype).eps)
