import numpy as np
import pytest
from checks import check_gradient, check_torch
from test_getitem import APART, INDICES, X

import pydl

rng = np.random.default_rng(1)
DISTINCT = [
    name
    for name in INDICES
    if np.unique(np.arange(60).reshape(4, 3, 5)[INDICES[name]]).size
    == np.arange(60).reshape(4, 3, 5)[INDICES[name]].size
]


def assigned(index):
    def f(x, value):
        y = x.clone()
        y[index] = value
        return y

    return f


def test_worked_by_hand():
    x = pydl.tensor([1.0, 2.0, 3.0], requires_grad=True)
    v = pydl.tensor(5.0, requires_grad=True)
    y = x.clone()
    y[1:] = v
    y.backward(np.array([10.0, 20.0, 30.0]))
    assert y.tolist() == [1, 5, 5]
    assert x.grad.tolist() == [10, 0, 0]
    assert v.grad.item() == 50


@pytest.mark.parametrize("name", INDICES)
def test_numpy(name):
    x, want = pydl.tensor(X), X.copy()
    x[INDICES[name]] = 2.5
    want[INDICES[name]] = 2.5
    np.testing.assert_array_equal(x.numpy(), want)
    assert x.version.count == 1


@pytest.mark.parametrize("name", [*INDICES, *APART])
def test_gradient(name):
    index = (INDICES | APART)[name]
    value = rng.standard_normal(pydl.tensor(X)[index].shape)
    check_gradient(assigned(index), X, value)  # also where an array names an element twice


@pytest.mark.parametrize("name", [*DISTINCT, "integer, slice, list", "integer, slice, mask", "mask, none, integer"])
def test_torch(name):
    torch = pytest.importorskip("torch")
    index = (INDICES | APART)[name]
    mine = index if isinstance(index, tuple) else (index,)
    theirs = tuple(torch.as_tensor(i) if isinstance(i, np.ndarray) else i for i in mine)
    check_torch(assigned(index), assigned(theirs), X, rng.standard_normal(pydl.tensor(X)[index].shape))


@pytest.mark.parametrize("shape", [(), (1,), (5,), (3, 1), (1, 1, 3, 5)])
def test_values_are_broadcast(shape):
    check_gradient(assigned(slice(1, 3)), X, rng.standard_normal(shape))
    check_gradient(assigned(np.array([0, 0, 3])), X, rng.standard_normal(shape))


def test_in_a_loop_like_a_recurrent_network():
    w = pydl.tensor([0.5], dtype=np.float64, requires_grad=True)
    outputs = pydl.zeros(4, dtype=np.float64)
    h = w
    for t in range(4):
        outputs[t] = h[0]
        h = h * w
    outputs.sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), [1 + 2 * 0.5 + 3 * 0.25 + 4 * 0.125])
    assert outputs.requires_grad


def test_values_keep_their_precision():
    x = pydl.zeros(2, dtype=np.float64)
    x[0] = 0.1
    x[1] = np.float64(0.1)
    assert x.tolist() == [0.1, 0.1]
    x[:] = [0.2, 0.3]
    assert x.tolist() == [0.2, 0.3]
    n = pydl.tensor([1, 2, 3])
    n[pydl.tensor([0, 2])] = [7, 9]
    n[1] = True
    assert n.tolist() == [7, 1, 9]
    assert n.dtype == np.int64


def test_an_operation_that_needs_the_old_numbers_notices():
    y = pydl.tensor([2.0, 3.0], requires_grad=True).clone()
    z = y * y
    y[0] = 7.0
    with pytest.raises(RuntimeError, match=r"mul needs its (input|other), but it was changed in place"):
        z.sum().backward()


def test_a_value_that_changes_later():
    v = pydl.tensor([2.0], requires_grad=True)
    y = pydl.zeros(3)
    source = v.clone()
    y[1:2] = source
    source[0] = 9.0
    y.sum().backward()
    assert y.tolist() == [0, 2, 0]
    assert v.grad.tolist() == [1]


def test_under_no_grad():
    x = pydl.tensor([1.0, 2.0], requires_grad=True)
    with pydl.no_grad():
        x[0] = 5.0
        x[1:][0] = 6.0
    assert x.tolist() == [5, 6]
    assert x.is_leaf
    assert x.version.count == 2


def test_a_leaf_is_refused():
    x = pydl.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="setitem: a leaf that needs a gradient changes in place only under no_grad"):
        x[0] = 5.0
    assert x.tolist() == [1, 2]


def test_views_are_refused_where_the_gradient_would_miss_them():
    w = pydl.tensor([1.0], requires_grad=True)
    for make in (lambda x: x[0], lambda x: x.reshape(4), lambda x: x.T, lambda x: x.detach(), lambda x: x.unbind()[1]):
        base = pydl.zeros(2, 2)
        view = make(base)
        for target in (base, view):
            with pytest.raises(RuntimeError, match="setitem: the tensor is a view of another one or has views"):
                target[...] = w
        assert base.tolist() == [[0, 0], [0, 0]]
        view[...] = 3.0  # nothing to record, nothing to miss
        del view, target
        base[...] = w
        base.sum().backward()
    assert w.grad.item() == 5 * 4


def test_overlapping_parts():
    x = pydl.tensor([1.0, 2.0, 3.0, 4.0])
    x[1:] = x[:-1]
    assert x.tolist() == [1, 1, 2, 3]


OVERLAPS = [(slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None)), (slice(None), slice(None, None, -1))]


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.uint8])
@pytest.mark.parametrize(("to", "of"), OVERLAPS)
def test_a_part_of_the_tensor_itself(to, of, dtype):
    array = np.arange(90_000).reshape(300, 300).astype(dtype)
    x = pydl.tensor(array)
    x[to] = x[of]
    array[to] = array[of].copy()
    assert np.array_equal(x.data, array)


@pytest.mark.parametrize("shape", [(1,), (1, 1)])
def test_one_number_in_brackets_for_one_number(shape):
    x = pydl.zeros(3) * 1
    value = pydl.full(shape, 2.0, requires_grad=True)
    x[1] = value
    (x * 3).sum().backward()
    assert x.tolist() == [0, 2, 0]
    assert value.grad.shape == shape
    assert value.grad.sum().item() == 3


def test_dimensions_of_size_1_in_front_of_what_a_mask_takes():
    x = pydl.zeros(2, 2)
    x[np.array([[True, False], [True, True]])] = np.array([[1.0, 2.0, 3.0]])
    assert x.tolist() == [[1, 0], [2, 3]]


@pytest.mark.parametrize(
    ("index", "value", "error", "message"),
    [
        (0, np.zeros(4), ValueError, r"setitem: value has shape \(4,\) but must broadcast to \(3, 5\)"),
        (
            np.array([0, 1]),
            np.zeros((3, 5, 5)),
            ValueError,
            r"setitem: value has shape .* must broadcast to \(2, 3, 5\)",
        ),
        (9, 0.0, IndexError, r"setitem: index 9 is out of bounds .* \(tensor \(4, 3, 5\)\)"),
        (np.array([0.5]), 0.0, IndexError, "setitem: an index array must hold integers"),
        (0, "x", TypeError, "setitem: value must be a tensor or an array, not str"),
        (0, [[1.0], [1.0, 2.0]], ValueError, "setitem: value is not a rectangular array"),
        (0, 1j, TypeError, "setitem: value has dtype complex128 but must hold numbers"),
    ],
)
def test_refuses(index, value, error, message):
    x = pydl.tensor(X)
    with pytest.raises(error, match=message):
        x[index] = value
    np.testing.assert_array_equal(x.numpy(), X)
    assert x.version.count == 0


def test_read_only_memory():
    array = np.zeros(3)
    array.flags.writeable = False
    with pytest.raises(ValueError, match="setitem: the tensor's memory is read-only"):
        pydl.Tensor(array)[0] = 1.0
