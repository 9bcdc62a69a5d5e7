import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch, torch

import pydl
from pydl.ops.where import where, where_forward

rng = np.random.default_rng(0)


def test_native_equals_reference():
    check_kernel(where_forward)


@pytest.mark.parametrize(
    ("chosen", "a", "b"), [((2, 3), (2, 3), (2, 3)), ((3,), (2, 1), ()), ((4, 1, 2), (3, 1), (1, 2)), ((0,), (1,), ())]
)
def test_gradient_and_torch(chosen, a, b):
    condition, a, b = rng.random(chosen) < 0.5, rng.standard_normal(a), rng.standard_normal(b)
    check_gradient(where, condition, a, b)
    check_torch(where, torch.where, condition, a, b)


def test_the_other_side_may_be_anything():
    x = pydl.tensor([1.0, 0.0], requires_grad=True)
    y = where(x.data > 0, x, np.array([np.nan, 5.0], np.float32))
    y.backward(np.array([2.0, 3.0]))
    assert y.tolist() == [1.0, 5.0]
    assert x.grad.tolist() == [2.0, 0.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large(dtype):
    condition, a = rng.random((3, 30_011)) < 0.5, rng.standard_normal((3, 30_011)).astype(dtype)
    np.testing.assert_array_equal(where(condition, a, 0.0).numpy(), np.where(condition, a, dtype(0)))
    np.testing.assert_array_equal(where(condition[:, :1], a, -a).numpy(), np.where(condition[:, :1], a, -a))
    np.testing.assert_array_equal(where(condition.T, a.T, 0.0).numpy(), np.where(condition.T, a.T, dtype(0)))


def test_integers_and_numbers():
    assert where(np.array([True, False]), pydl.tensor([1, 2]), 7).tolist() == [1, 7]
    assert where(np.array([True, False]), 1.5, 0.5).dtype == np.float32


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int16, np.int32, np.int64])
def test_integers_of_all_shapes(dtype):
    for shapes in (((3, 5), (3, 5), (3, 5)), ((5,), (3, 1), ()), ((), (2, 3), (3,)), ((0, 2), (2,), ()), ((), (), ())):
        chosen = rng.random(shapes[0]) < 0.5
        a, b = (np.asarray(rng.integers(0, 2 if dtype == np.bool_ else 100, shape), dtype) for shape in shapes[1:])
        for x in (a, a[..., ::-1] if a.ndim else a):
            got = where(chosen, x, b)
            assert got.dtype == dtype
            np.testing.assert_array_equal(got.numpy(), np.where(chosen, x, b))


def test_refuses():
    with pytest.raises(TypeError, match="where: condition has dtype int64 but must be bool"):
        where(np.array([1, 0]), 1.0, 2.0)
    with pytest.raises(ValueError, match=r"where: shapes \(2,\), \(3,\) and \(\) do not broadcast together"):
        where(np.array([True, False]), np.ones(3), 0.0)
