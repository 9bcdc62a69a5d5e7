"""Tensor: how it is made, what it says of itself, and its other forms."""

import copy
import pickle

import numpy as np
import pytest

import pydl
from pydl import Tensor, from_numpy, tensor


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1.5, np.float32),
        (3, np.int64),
        (True, np.bool_),
        ([1.0, 2.0], np.float32),
        ([1, 2], np.int64),
        ([1, 2.5], np.float32),
        ([[True], [False]], np.bool_),
        ([], np.float32),
        (np.float64(1.5), np.float64),
        (np.array([1.0, 2.0]), np.float64),
        (np.array([1, 2], np.uint8), np.uint8),
        (np.array([1, 2], np.float16), np.float16),
        (range(3), np.int64),
    ],
)
def test_dtype_of_what_is_given(data, dtype):
    assert tensor(data).dtype == dtype
    assert tensor(tensor(data)).dtype == dtype
    assert tensor(data).tolist() == np.asarray(data).tolist()


def test_dtype_that_is_asked_for():
    assert tensor([1, 2], dtype=np.float32).dtype == np.float32
    assert tensor([1.0], dtype="int64").dtype == np.int64
    assert tensor([0.1, 1 / 3], dtype=np.float64).tolist() == [0.1, 1 / 3]
    assert tensor(0.1, dtype=np.float64).item() == 0.1
    assert tensor([tensor(1.0), tensor(2.0)]).tolist() == [1, 2]


def test_copy_or_share():
    array = np.zeros(3, np.float32)
    copied, shared, wrapped = tensor(array), from_numpy(array), Tensor(array)
    array += 1
    assert copied.tolist() == [0, 0, 0]
    assert shared.tolist() == wrapped.tolist() == [1, 1, 1]
    shared.fill_(5)
    assert array.tolist() == [5, 5, 5]
    assert shared.numpy() is array
    assert tensor(shared).data is not array
    assert Tensor(shared).data is array


def test_memory_is_aligned_for_vectors():
    assert tensor(np.arange(5.0)).data.ctypes.data % 64 == 0
    odd = np.frombuffer(b"\0" + np.arange(3.0).tobytes(), np.float64, offset=1)
    assert not odd.flags.aligned
    assert from_numpy(odd).data.flags.aligned
    assert from_numpy(odd).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([[1.0], [1.0, 2.0]], ValueError, "tensor: data is not a rectangular array of numbers"),
        (np.array([1.0], ">f8"), TypeError, r"tensor: data has foreign byte order \(dtype >f8\) .* \.astype\('<f8'\)"),
        (np.array([1j]), TypeError, "tensor: data has dtype complex128 but must hold numbers"),
        ([1j], TypeError, "tensor: data has dtype complex128"),
        (np.array(["a"]), TypeError, "tensor: data has dtype <U1 but must hold numbers"),
        (["a"], TypeError, "tensor: data has dtype <U1"),
        (np.array([None]), TypeError, "tensor: data has dtype object"),
        ([None], TypeError, "tensor: data has dtype object"),
        (np.array(["2020"], "M8[Y]"), TypeError, "tensor: data has dtype datetime64"),
        ("text", TypeError, "tensor: data must be a tensor or an array, not str"),
        (None, TypeError, "tensor: data must be a tensor or an array, not NoneType"),
        ({1: 2}, TypeError, "not dict"),
    ],
)
def test_refuses(data, error, message):
    with pytest.raises(error, match=message):
        tensor(data)


def test_from_numpy_takes_arrays_only():
    with pytest.raises(TypeError, match="from_numpy: array must be a numpy array, not list"):
        from_numpy([1.0])


def test_what_it_looks_like():
    x = tensor(np.zeros((2, 3)))
    assert (x.shape, x.ndim, x.dim(), x.size(), x.size(-1), x.numel(), len(x)) == ((2, 3), 2, 2, (2, 3), 3, 6, 2)
    with pytest.raises(TypeError, match="len: this tensor has no dimensions"):
        len(tensor(1.0))


def test_repr():
    assert repr(tensor([1.0, 2.5])) == "tensor([1. , 2.5])"
    assert repr(tensor(3)) == "tensor(3)"
    assert repr(tensor([True])) == "tensor([ True])"
    assert repr(tensor([[1, 2], [3, 4]])) == "tensor([[1, 2],\n        [3, 4]])"
    assert repr(tensor([1.0], dtype=np.float64)) == "tensor([1.], dtype=float64)"
    assert repr(tensor([])) == "tensor([])"
    assert repr(pydl.zeros(0, 3)) == "tensor([], size=(0, 3))"
    x = tensor([1.0], requires_grad=True)
    assert repr(x) == "tensor([1.], requires_grad=True)"
    assert repr(x.clone()) == "tensor([1.], grad_fn=<clone node>)"
    assert "..." in repr(pydl.zeros(1000))


def test_as_a_number():
    x = tensor(2.5, requires_grad=True)
    assert (x.item(), float(x), int(x), bool(x)) == (2.5, 2.5, 2, True)
    assert f"{x:.3f}" == "2.500"
    assert f"{tensor([1])}" == "tensor([1])"
    assert not tensor([0])
    assert type(tensor([1]).item()) is int
    assert [10, 20, 30][tensor(1)] == 20
    assert list(range(tensor(2))) == [0, 1]
    with pytest.raises(ValueError, match=r"item: only a tensor of one element is a number, this one has shape \(2,\)"):
        bool(tensor([1, 2]))
    with pytest.raises(TypeError, match=r"index: only a tensor of one integer is an index, this is float32 \(\)"):
        [1, 2][tensor(1.0)]
    with pytest.raises(TypeError, match="index"):
        [1, 2][tensor([0, 1])]


def test_iteration_and_membership():
    x = tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    first, second = x
    second.sum().backward()
    assert first.tolist() == [1, 2]
    assert x.grad.tolist() == [[0, 0], [1, 1]]
    assert 3 in x
    assert tensor(5) not in x
    with pytest.raises(ValueError, match="unbind: input has no dimensions"):
        list(tensor(1.0))


def test_to_numpy():
    x = tensor([1.0, 2.0])
    assert np.asarray(x) is x.data
    assert np.array(x) is not x.data
    assert np.asarray(x, np.float64).dtype == np.float64
    assert np.square(x).tolist() == [1, 4]
    with pytest.raises(ValueError, match=r"__array__: float32 becomes float64 only by a copy"):
        x.__array__(np.float64, copy=False)
    x.requires_grad_()
    for convert in (Tensor.numpy, np.asarray, np.from_dlpack):
        with pytest.raises(RuntimeError, match=r"numpy: this tensor needs a gradient, .* use detach\(\)"):
            convert(x)
    with pydl.no_grad():
        assert x.numpy() is x.data


def test_dlpack():
    x = tensor([[1.0, 2.0], [3.0, 4.0]])
    there = np.from_dlpack(x)
    assert np.shares_memory(there, x.data)
    assert x.__dlpack_device__() == (1, 0)
    x.fill_(7)
    assert there.tolist() == [[7, 7], [7, 7]]


def test_in_place():
    x = tensor([1.0, 2.0])
    assert x.fill_(3).tolist() == [3, 3]
    assert x.zero_().tolist() == [0, 0]
    assert x.copy_([4, 5]) is x
    assert x.copy_(tensor([6.0, 7.0])).tolist() == [6, 7]
    assert x.copy_(pydl.tensor(8.0)).tolist() == [8, 8]
    assert x.version.count == 5
    with pytest.raises(ValueError, match=r"copy_: source has shape \(3,\) but the tensor has \(2,\)"):
        x.copy_([1, 2, 3])
    x.requires_grad_()
    with pytest.raises(RuntimeError, match=r"zero_: a leaf that needs a gradient changes in place"):
        x.zero_()
    x.data.flags.writeable = False
    with pytest.raises(ValueError, match=r"fill_: the tensor's memory is read-only; change a clone\(\) instead"):
        x.detach().fill_(1)


def test_pickle_and_copy():
    x = tensor([1.0, 2.0], requires_grad=True)
    for twin in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x)):
        assert twin.requires_grad
        assert twin.tolist() == [1, 2]
        assert twin.data is not x.data
    with pytest.raises(RuntimeError, match="pickle"):
        pickle.dumps(x.clone())


def test_hash_is_identity():
    x, y = tensor([1.0]), tensor([1.0])
    assert len({x, y, x}) == 2
