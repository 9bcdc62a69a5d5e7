"""How operations are called: arguments by position and by name, as methods, and results that are no arrays."""

import numpy as np
import pytest
from tape_operations import leaf, product, total

import pydl
from pydl import ops
from pydl.op import Kernel, op, use_backend


@op("a", "b")
def scaled_sum(a, b=None, *, factor=1.0):
    """factor (a + b), where b may be left out."""
    return (a if b is None else a + b) * factor, lambda dy, needs: (dy * factor, dy * factor), ()


def test_by_position_and_by_name():
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    for result in (
        scaled_sum(x, y, factor=2.0),
        scaled_sum(x, factor=2.0, b=y),
        scaled_sum(factor=2.0, b=y, a=x),
        scaled_sum.__call__(x, b=y, factor=2.0),
        scaled_sum(*[x, y], **{"factor": 2.0}),
    ):
        assert result.tolist() == [8.0, 12.0]
        x.grad = y.grad = None
        result.backward(np.ones(2))
        assert x.grad.tolist() == y.grad.tolist() == [2.0, 2.0]


def test_a_tensor_that_is_left_out():
    x = leaf(1.0, 2.0)
    y = scaled_sum(x, factor=3.0)
    first, second = y.grad_fn.inputs
    assert first is x
    assert second is None
    y.backward(np.ones(2))
    assert x.grad.tolist() == [3.0, 3.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: scaled_sum(), "missing 1 required positional argument: 'a'"),
        (lambda x: scaled_sum(x, x, x), "takes from 1 to 2 positional arguments but 3 were given"),
        (lambda x: scaled_sum(x, a=x), "got multiple values for argument 'a'"),
        (lambda x: scaled_sum(x, weight=x), "unexpected keyword argument 'weight'"),
        (lambda x: x.reshape(*[1] * 96), "reshape: 97 arguments, at most 96 are possible"),
        (lambda x: ops.cat(), "cat: tensors must be a list or tuple of tensors"),
        (lambda x: ops.cat(dim=0), "cat: tensors must be a list or tuple of tensors"),
    ],
)
def test_wrong_calls(call, message):
    x = leaf(1.0)
    with pytest.raises(TypeError, match=message):
        call(x)
    assert x.grad is None


def test_a_list_by_name():
    x = leaf(1.0)
    y = ops.cat(dim=0, tensors=[x, x])
    y.sum().backward()
    assert x.grad.tolist() == [2.0]


def test_methods():
    x = leaf(1.0, 4.0)
    assert pydl.Tensor.sqrt(x).tolist() == x.sqrt().tolist() == [1.0, 2.0]
    bound = x.sqrt
    assert bound().tolist() == [1.0, 2.0]
    assert next(map(pydl.Tensor.sqrt, [x])).tolist() == [1.0, 2.0]
    assert (x + x).tolist() == x.__add__(x).tolist() == [2.0, 8.0]
    assert pydl.Tensor.__add__ is ops.add


def test_results_and_gradients_that_numpy_makes_numbers():
    x = pydl.tensor(np.array(3.0), requires_grad=True)
    y = product(x, x)
    assert type(y.data) is np.ndarray
    y.backward()
    assert type(x.grad.data) is np.ndarray
    assert x.grad.item() == 6


def test_arrays_are_kept_while_they_are_used():
    """Another thread may give a tensor other data while an operation works on its old ones."""
    x = leaf(*map(float, range(1000)))

    @op("a")
    def replaced(a):
        x.data = np.zeros(1)
        x.data = np.zeros(1)
        return a + 1

    assert replaced(x).tolist() == list(range(1, 1001))


def test_sums_of_gradients_leave_what_operations_handed_out():
    """total() hands one array to both of its inputs, so no sum may be written into it."""
    x, y = leaf(1.0, 2.0), leaf(5.0, 6.0)
    seen = []
    z = y.clone()
    z.register_hook(lambda gradient: seen.append(gradient.tolist()))
    xs = x.clone()
    result = total(total(total(xs, z), xs), xs)
    result.backward(np.ones(2))
    assert x.grad.tolist() == [3.0, 3.0]
    assert y.grad.tolist() == [1.0, 1.0]
    assert seen == [[1.0, 1.0]]


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_kernels_run_the_chosen_backend(backend):
    called = []

    def reference(x, y):
        called.append("reference")

    kernel = Kernel(reference, ("y",), 1.0)
    kernel.native = lambda x, y: called.append("native")
    with use_backend(backend):
        kernel(np.zeros(1), np.zeros(1))
        Kernel.__call__(kernel, np.zeros(1), np.zeros(1))
    assert called == [backend, backend]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("call", [ops.add, ops.mul, ops.matmul])
def test_the_short_way_gives_the_same(call, dtype):
    """Two arguments by their places go past the operation's function; by name they do not."""
    results = []
    for short in (True, False):
        g = np.random.default_rng(0)
        a, b = (pydl.tensor(g.standard_normal((2, 3, 3)).astype(dtype), requires_grad=True) for _ in range(2))
        y = call(a, b) if short else call(a, other=b)
        y.backward(g.standard_normal(y.shape))
        results.append([each.tobytes() for each in (y.data, a.grad.data, b.grad.data)])
    assert results[0] == results[1]
    y = call(a, b.detach())
    y.backward(np.ones(y.shape))
    with pytest.raises(RuntimeError, match="was freed by an earlier backward"):
        y.backward(np.ones(y.shape))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_number_beside_an_array(dtype):
    x = pydl.tensor(np.array([[1.0, 2.0, 4.0]], dtype), requires_grad=True)
    for call, want, slope in (
        (lambda: x + 1, [2.0, 3.0, 5.0], [1.0, 1.0, 1.0]),
        (lambda: 1 - x, [0.0, -1.0, -3.0], [-1.0, -1.0, -1.0]),
        (lambda: x - 0.5, [0.5, 1.5, 3.5], [1.0, 1.0, 1.0]),
        (lambda: 2 * x, [2.0, 4.0, 8.0], [2.0, 2.0, 2.0]),
        (lambda: x / 2.0, [0.5, 1.0, 2.0], [0.5, 0.5, 0.5]),
        (lambda: 4 / x, [4.0, 2.0, 1.0], [-4.0, -1.0, -0.25]),
    ):
        x.grad = None
        y = call()
        assert y.dtype == dtype
        assert y.tolist() == [want]
        y.backward(np.ones((1, 3), dtype))
        assert x.grad.tolist() == [slope]
    turned = pydl.tensor(np.zeros((2, 3), dtype).T)
    assert (turned + 1.0).data.strides == turned.data.strides
    assert (pydl.tensor(True) + 1.5).tolist() == 2.5
    scalar = pydl.tensor(np.asarray(2.0, dtype), requires_grad=True)
    (scalar * x.detach()).sum().backward()
    assert scalar.grad.tolist() == 7.0


def test_gradients_of_reductions_are_repeated():
    x = pydl.tensor(np.arange(24.0).reshape(2, 3, 4), requires_grad=True)
    for dim, keepdim in ((None, False), (1, False), ((0, 2), True), (-1, True), ((), False)):
        for reduce, parts in ((pydl.sum, 1), (pydl.mean, 24 / x.data.sum(dim or None, keepdims=True).size)):
            x.grad = None
            y = reduce(x, dim, keepdim)
            y.backward(np.full(y.shape, 3.0))
            assert x.grad.shape == (2, 3, 4)
            np.testing.assert_allclose(x.grad.data, 3.0 / parts)
