import numpy as np
import pytest
from checks import check_gradient, check_kernel

import pydl
from pydl import nn
from pydl.ops.embedding import embedding, embedding_backward

RNG = np.random.default_rng(0)


def test_native_equals_reference():
    check_kernel(embedding_backward)


def test_worked_by_hand():
    table = pydl.tensor(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), requires_grad=True)
    y = embedding(np.array([[2, 0], [2, 1]]), table, padding_idx=-2)
    assert y.tolist() == [[[5, 6], [1, 2]], [[5, 6], [3, 4]]]
    y.backward(np.arange(8.0).reshape(2, 2, 2))
    assert table.grad.tolist() == [[2, 3], [0, 0], [4, 6]]


@pytest.mark.parametrize("shape", [(), (7,), (3, 5), (0,), (2, 0)], ids=str)
@pytest.mark.parametrize("padding_idx", [None, 0, -1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_torch(shape, padding_idx, dtype):
    torch = pytest.importorskip("torch")
    index, values = RNG.integers(0, 6, shape), RNG.standard_normal((6, 9)).astype(dtype)
    mine, theirs = pydl.tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    y = embedding(index, mine, padding_idx)
    z = torch.nn.functional.embedding(torch.tensor(index), theirs, padding_idx)
    np.testing.assert_array_equal(y.detach().numpy(), z.detach().numpy())
    dy = RNG.standard_normal(y.shape).astype(dtype)
    y.backward(dy)
    z.backward(torch.tensor(dy))
    np.testing.assert_allclose(mine.grad.numpy(), theirs.grad.numpy(), rtol=1e-5, atol=1e-6)


def test_gradient():
    check_gradient(lambda weight: embedding(np.array([0, 2, 2, 1]), weight), RNG.standard_normal((4, 3)))


@pytest.mark.parametrize("size", [3, 40, 200])
def test_the_sum_does_not_depend_on_threads(size):
    """A word that is used again and again, as in text, and more terms than one thread would take."""
    index = np.minimum(RNG.geometric(0.3, 5000), 20) - 1
    dy = RNG.standard_normal((5000, size)).astype(np.float32)
    gradients = []
    before = pydl.get_num_threads()
    try:
        for threads in (1, 2, 3, 5):
            pydl.set_num_threads(threads)
            table = pydl.tensor(np.zeros((20, size), np.float32), requires_grad=True)
            embedding(index, table).backward(dy)
            gradients.append(table.grad.numpy().tobytes())
    finally:
        pydl.set_num_threads(before)
    assert len(set(gradients)) == 1


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
def test_any_integers(dtype):
    table = RNG.standard_normal((5, 2))
    np.testing.assert_array_equal(embedding(np.array([4, 0], dtype), table).numpy(), table[[4, 0]])


def test_later_changes_of_the_index_do_not_matter():
    index, table = np.array([1, 1]), pydl.tensor(np.zeros((3, 1)), requires_grad=True)
    y = embedding(index, table)
    index[:] = 2
    y.backward(np.ones((2, 1)))
    assert table.grad.tolist() == [[0], [2], [0]]


def test_layer():
    pydl.manual_seed(3)
    layer = nn.Embedding(50, 40, padding_idx=-1)
    assert layer.padding_idx == 49
    assert not layer.weight.data[49].any()
    assert abs(layer.weight.data[:49].std() - 1) < 0.1
    assert list(layer.state_dict()) == ["weight"]
    layer(np.array([49, 1])).sum().backward()
    assert (layer.weight.grad.data.sum(1) != 0).nonzero()[0].tolist() == [1]
    assert repr(layer) == "Embedding(50, 40, padding_idx=49)"


ONES = np.ones((3, 2))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: embedding(np.array([0, 3]), ONES), IndexError,
         "embedding: input has numbers from 0 to 3 but weight has the rows 0 to 2"),
        (lambda: embedding(np.array([-1]), ONES), IndexError, "embedding: input has numbers from -1 to -1"),
        (lambda: embedding(np.array([0.0]), ONES), TypeError,
         "embedding: input has dtype float64 but must hold integers, the numbers of rows"),
        (lambda: embedding(np.array([0]), np.ones(3)), ValueError,
         r"embedding: weight must be \(num_embeddings, embedding_dim\), but has shape \(3,\)"),
        (lambda: embedding(np.array([0]), ONES, padding_idx=3), ValueError,
         "embedding: padding_idx is 3 but the table has 3 rows"),
        (lambda: embedding(np.array([0]), ONES, max_norm=1.0), ValueError, "embedding: max_norm must be None, not 1.0"),
        (lambda: nn.Embedding(3, 2, sparse="yes"), TypeError, "Embedding: sparse must be True or False"),
    ],
)  # fmt: skip
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
