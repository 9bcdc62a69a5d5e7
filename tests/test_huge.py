"""More elements than 32 bits count, and strides as long, in memory that is promised but never touched."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

from pydl import ops
from pydl.nn import functional as F

MANY = 2**31 + 9


@pytest.fixture(scope="module")
def zeros():
    """Zeros that cost memory only where they are written."""
    try:
        return np.zeros(MANY, np.float32)
    except MemoryError:
        pytest.skip("this system promises no more memory than it has")


def test_elements_beyond_32_bits_are_reached(zeros):
    zeros[-3] = 2.5
    assert ops.sum(zeros).item() == 2.5
    assert ops.amax(zeros).item() == 2.5
    assert ops.argmax(zeros).item() == MANY - 3
    zeros[-3] = 0.0


def test_a_number_seen_more_often_than_32_bits_count():
    view = np.broadcast_to(np.float64(0.5), (MANY,))
    assert ops.sum(view).item() == MANY / 2
    assert ops.mean(view).item() == 0.5


@pytest.mark.parametrize("dim", [None, 0, 1])
def test_more_numbers_with_gaps_than_are_copied_at_once(dim):
    x = np.random.default_rng(1).random((4200, 8400), dtype=np.float32)[:, ::2]
    for ours, numpys in ((ops.sum, np.sum), (ops.mean, np.mean), (ops.amax, np.max)):
        np.testing.assert_allclose(
            ours(x) if dim is None else ours(x, dim), numpys(x.astype(np.float64), dim), rtol=2e-6
        )


X = np.random.default_rng(0).standard_normal((2, 64)).astype(np.float32)
CALLS = {
    "add": lambda x: ops.add(x, 1.0),
    "matmul": lambda x: ops.matmul(x, X.T),
    "matmul transposed": lambda x: ops.matmul(X.T, x),
    "softmax": lambda x: F.softmax(x, 1),
    "softmax of columns": lambda x: F.softmax(x, 0),
    "layer_norm": lambda x: F.layer_norm(x, (64,)),
    "sum": lambda x: ops.sum(x, 0),
    "clone": lambda x: ops.clone(x),
    "cross_entropy": lambda x: F.cross_entropy(x, np.array([3, 60])),
    "linear": lambda x: F.linear(x, X),
    "conv2d": lambda x: F.conv2d(as_strided(x, (2, 1, 8, 8), (x.strides[0], 4, 32, 4)), X[:, :9].reshape(2, 1, 3, 3)),
    "max_pool2d": lambda x: F.max_pool2d(as_strided(x, (2, 1, 8, 8), (x.strides[0], 4, 32, 4)), 2),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_rows_further_apart_than_32_bits_count(zeros, call):
    far = as_strided(zeros, (2, 64), (4 * (MANY - 64), 4))
    far[...] = X
    np.testing.assert_array_equal(call(far).numpy(), call(X.copy()).numpy())
    far[...] = 0.0
