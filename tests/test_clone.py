"""clone, contiguous, to, float, double, long: the same numbers in other memory or another dtype."""

import itertools
import math

import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl.ops.clone import clone_forward, from_integers, is_view, to_integers

X = np.arange(6.0).reshape(2, 3) / 7


@pytest.mark.parametrize("kernel", [clone_forward, from_integers, to_integers], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_many_numbers_change_their_type_as_in_numpy(dtype):
    whole = np.random.default_rng(0).integers(-(2**63), 2**63 - 1, 9000) >> np.arange(9000) % 63
    parts = (np.random.default_rng(1).standard_normal(9000) * 1e6).astype(dtype)
    assert np.array_equal(pydl.tensor(whole).to(dtype).numpy(), whole.astype(dtype))
    assert np.array_equal(pydl.tensor(parts).to(np.int64).numpy(), parts.astype(np.int64))
    assert np.array_equal((pydl.tensor(whole) + pydl.tensor(parts)).numpy(), whole.astype(dtype) + parts)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32"])
def test_truth_values_become_0_and_1(dtype):
    x = np.random.default_rng(0).random((3, 5, 33)) > 0.5
    for view in (x, x[:, ::2, ::-1], x.T, x[0, 0, 0], x[:0]):
        got = pydl.tensor(view).to(dtype)
        assert got.dtype == dtype
        np.testing.assert_array_equal(got.numpy(), view.astype(dtype))
    assert pydl.tensor(x).sum((0, 2)).tolist() == x.sum((0, 2)).tolist()
    assert pydl.tensor(x).sum().item() == x.sum()


def test_every_bit_is_copied():
    """Also of denormal numbers, and of NaNs that carry something."""
    bits = np.array([1, 0x80000001, 0x7FC12345, 0xFF812345, 0x80000000, 0x3F800000], np.uint32)
    y = pydl.tensor(bits.view(np.float32)).clone()
    assert y.numpy().view(np.uint32).tolist() == bits.tolist()


def test_more_dimensions_than_kernels_know():
    x = np.arange(6.0).reshape((1,) * 9 + (2, 3))
    assert np.array_equal(pydl.tensor(x).clone().numpy(), x)


@pytest.mark.parametrize("f", [lambda x: x.clone(), lambda x: x.contiguous(), lambda x: x.T.contiguous()])
def test_copies(f):
    check_torch(f, f, X)
    check_gradient(f, X)


def test_clone_is_contiguous_and_new():
    x = pydl.tensor(X)
    for y in (x.clone(), x.T.clone(), x[:, ::-1].clone()):
        assert not np.shares_memory(x.data, y.data)
        assert y.data.flags.c_contiguous
    assert x.contiguous() is x
    assert x.T.contiguous().data.flags.c_contiguous


@pytest.mark.parametrize("source", [np.float32, np.float64])
@pytest.mark.parametrize("target", [np.float32, np.float64])
def test_gradients_come_back_in_the_old_dtype(source, target):
    x = pydl.tensor(X, dtype=source, requires_grad=True)
    y = x.to(target)
    y.backward(np.full(X.shape, 2.0))
    assert y.dtype == target
    assert x.grad.dtype == source
    assert x.grad.tolist() == np.full(X.shape, 2.0).tolist()


def test_the_same_dtype_is_the_same_tensor():
    x = pydl.tensor([1.0])
    assert x.float() is x
    assert x.to("float32") is x


def test_names():
    x = pydl.tensor([0.0, 1.75, -2.5], requires_grad=True)
    assert x.double().dtype == np.float64
    assert x.long().tolist() == [0, 1, -2]
    assert not x.long().requires_grad
    assert x.int().dtype == np.int32
    assert x.bool().tolist() == [False, True, True]
    assert pydl.tensor([1, 2]).float().dtype == np.float32
    assert pydl.tensor([True]).double().tolist() == [1.0]


@pytest.mark.parametrize("dtype", ["text", "complex64", object, "S3"])
def test_refuses(dtype):
    with pytest.raises(TypeError, match="to: "):
        pydl.tensor([1.0]).to(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("step", [-2, 2, 3, 5])
@pytest.mark.parametrize("shape", [(700, 3), (9, 130), (1, 1300), (5, 1), (40, 64)], ids=str)
def test_numbers_that_lie_apart(shape, step, dtype):
    whole = np.arange(np.prod(shape) * abs(step), dtype=dtype).reshape(shape[0], -1)
    x = whole[:, ::step]
    np.testing.assert_array_equal(pydl.Tensor(x).clone().numpy(), x)
    np.testing.assert_array_equal((pydl.Tensor(x) * pydl.Tensor(x[:1])).numpy(), x * x[:1])
    whole = np.zeros_like(whole)
    pydl.Tensor(whole[:, ::step]).fill_(2.0)
    assert (whole[:, ::step] == 2).all()
    assert whole.sum() == 2 * x.size


def test_a_shape_is_a_view_where_numpy_has_one():
    base = np.zeros((4, 6, 10))
    for x in (base, base.transpose(1, 0, 2), base[:, ::2], base[..., :5], np.broadcast_to(base[:1], (3, 6, 10))):
        for shape in itertools.permutations([x.shape[0], 2, x.shape[1] // 2 * x.shape[2] or 1]):
            if math.prod(shape) == x.size:
                assert is_view(x, shape) == np.may_share_memory(x, x.reshape(shape))
