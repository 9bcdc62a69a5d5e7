"""gather and index_select, against PyTorch and central differences."""

import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_refused, check_threads, check_torch, check_whole_numbers, torch

import pydl
from pydl.ops.embedding import embedding_backward
from pydl.ops.gather import gather_backward, gather_forward, pick_forward, scatter_add_integers, scatter_forward

rng = np.random.default_rng(0)
X = rng.standard_normal((3, 4, 5))
CALLS = {
    "gather 0": (lambda x, i: x.gather(0, i), rng.integers(0, 3, (7, 4, 5))),
    "gather 1": (lambda x, i: x.gather(1, i), rng.integers(0, 4, (2, 9, 3))),
    "gather -1": (lambda x, i: x.gather(-1, i), rng.integers(0, 5, (3, 4, 1))),
    "gather nothing": (lambda x, i: x.gather(1, i), np.zeros((2, 0, 3), int)),
    "index_select": (lambda x, i: x.index_select(1, i), np.array([3, 0, 3])),
    "index_select nothing": (lambda x, i: x.index_select(-1, i), np.zeros(0, int)),
}


@pytest.mark.parametrize(
    "kernel",
    [gather_forward, gather_backward, pick_forward, scatter_forward, scatter_add_integers],
    ids=lambda k: k.name,
)
def test_native_equals_reference(kernel):
    check_kernel(kernel)


@pytest.mark.parametrize("name", CALLS)
def test_as_in_pytorch(name):
    call, index = CALLS[name]
    check_torch(call, call, X, index)
    check_gradient(lambda x: call(x, pydl.tensor(index)), X)
    check_whole_numbers(lambda x: call(x, index if isinstance(x, pydl.Tensor) else torch.tensor(index)), X)


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.int16, np.uint8, np.bool_])
def test_bits_of_integers_stay(dtype):
    """The kernels know of numbers only how many bytes they have, whatever they would be as floats."""
    x = np.random.default_rng(0).integers(-(2**31), 2**31, (3, 7, 4)).astype(np.int64)
    x = (x * 0x1_0000_0001).astype(dtype) if dtype != np.bool_ else x > 0
    index = np.random.default_rng(1).integers(0, 7, (3, 5, 4))
    np.testing.assert_array_equal(pydl.gather(x, 1, index).numpy(), np.take_along_axis(x, index, 1))
    np.testing.assert_array_equal(pydl.index_select(x, 1, index[0, :, 0]).numpy(), x[:, index[0, :, 0]])
    np.testing.assert_array_equal(pydl.flip(x, 2).numpy(), x[:, :, ::-1])
    turned = pydl.Tensor(x).transpose(0, 2)
    np.testing.assert_array_equal(turned.contiguous().numpy(), x.swapaxes(0, 2))
    np.testing.assert_array_equal(pydl.repeat_interleave(x, 3, 1).numpy(), x.repeat(3, 1))
    want, order = x.copy(), np.arange(7)[::-1].reshape(1, 7, 1) + np.zeros((3, 1, 4), np.int64)
    np.put_along_axis(want, order, x, 1)
    np.testing.assert_array_equal(pydl.scatter(x, 1, order, x).numpy(), want)


def test_numbers_without_dimensions():
    x = pydl.tensor(3.0, requires_grad=True)
    y = x.gather(0, np.array(0)) + x.index_select(0, np.array([0]))
    y.backward()
    assert (y.item(), x.grad.item()) == (6.0, 2.0)
    assert x.gather(0, np.zeros(4, int)).shape == (4,)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pydl.gather(X, 1, np.full((1, 1, 1), 4)), IndexError,
         "gather: index has numbers from 4 to 4 but must lie in 0..3"),
        (lambda: pydl.gather(X, 1, np.full((1, 1, 1), -1)), IndexError, "gather: index has numbers from -1 to -1"),
        (lambda: pydl.gather(X, 1, np.zeros((4, 1, 1), int)), ValueError,
         "gather: index has shape (4, 1, 1) but must fit into (3, 4, 5) in all but dimension 1"),
        (lambda: pydl.gather(X, 1, np.zeros((1, 1, 1))), TypeError, "gather: index has dtype float64 but must hold"),
        (lambda: pydl.index_select(X, 0, np.zeros((1, 1), int)), ValueError, "index_select: index must be a vector"),
    ],
)  # fmt: skip
def test_refuses(call, error, message):
    check_refused(call, error, message)


@pytest.mark.parametrize("y", [np.zeros((1, 2, 1), np.int32), np.zeros((1, 2, 1), object), np.zeros((1, 2, 1), "D")])
def test_kernels_refuse_numbers_of_another_size(y):
    with pytest.raises(TypeError, match="must be a number of 1, 2, 4 or 8 bytes, and of as many as the others"):
        gather_forward.native(np.zeros((1, 3, 1)), np.zeros((1, 2, 1), np.int64), y)


@pytest.mark.parametrize("wrong", [-1, 3])
@pytest.mark.parametrize("place", [0, 16383, 16384, 29999, 32766, 40000])
def test_one_wrong_number_of_many_is_found(place, wrong):
    index = np.arange(40001) % 3  # so many that they are looked at in parts
    pydl.index_select(X, 0, index)
    index[place] = wrong
    check_refused(lambda: pydl.index_select(X, 0, index), IndexError, "index_select: index has numbers from")
    dy, dweight = np.zeros((40001, 2)), np.zeros((3, 2))
    check_refused(
        lambda: embedding_backward.native(dy, index, -1, dweight), ValueError, "embedding_backward: index must be"
    )


def test_many_short_lines():
    x, index = np.random.default_rng(0).random((3001, 5), np.float32), rng.integers(0, 5, (3001, 5))
    arguments = {"x": x[:, :, None], "index": index[:, :, None], "y": np.empty((3001, 5, 1), np.float32)}
    y = check_threads(gather_forward, arguments)["y"]
    np.testing.assert_array_equal(y[:, :, 0], np.take_along_axis(x, index, 1))
    index[2990, 3] = 5
    with pytest.raises(IndexError, match=r"gather: index has numbers from 0 to 5 but must lie in 0\.\.4"):
        pydl.gather(x, 1, index)
