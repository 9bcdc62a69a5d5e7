import numpy as np
import pytest

import pydl


def tensors(*requires):
    return [pydl.tensor([1.0, 2.0], requires_grad=r) for r in requires]


@pytest.mark.parametrize(
    ("name", "value", "gradient"),
    [("add_", [5.0, 6.0], 1.0), ("sub_", [-3.0, -2.0], 1.0), ("mul_", [4.0, 8.0], 4.0), ("div_", [0.25, 0.5], 0.25)],
)
def test_value_memory_and_history(name, value, gradient):
    x, leaf = tensors(False, True)
    memory = x.data
    assert getattr(x, name)(4.0) is x
    assert x.data is memory
    assert x.tolist() == value
    y = leaf * 1.0
    memory = y.data
    getattr(y, name)(4.0)
    assert y.data is memory
    assert y.tolist() == value
    y.backward(np.ones(2))
    assert leaf.grad.tolist() == [gradient, gradient]


def test_operators():
    x = y = pydl.tensor([3.0])
    x += 1
    x *= pydl.tensor([2.0])
    x -= 2
    x /= 4
    assert x is y
    assert y.tolist() == [1.5]


def test_gradient_of_both_operands():
    a, b = tensors(True, True)
    y = a * 3.0
    y += b * b
    y += y
    y.backward(np.ones(2))
    assert a.grad.tolist() == [6.0, 6.0]
    assert b.grad.tolist() == [4.0, 8.0]


def test_a_constant_becomes_part_of_the_history():
    (a,) = tensors(True)
    total = pydl.zeros(2)
    total += a * 2.0
    total += a
    total.backward(np.ones(2))
    assert a.grad.tolist() == [3.0, 3.0]


def test_constant_factor_keeps_no_input():
    a, mask = tensors(True, False)
    y = a * 2.0
    y *= mask
    y.backward(np.ones(2))
    assert a.grad.tolist() == [2.0, 4.0]


def test_overwritten_number_that_a_gradient_needs():
    a, b = tensors(True, True)
    y = a * 2.0
    z = y * b
    y += 1.0
    with pytest.raises(RuntimeError, match="mul needs its input, but it was changed in place"):
        z.backward(np.ones(2))


@pytest.mark.parametrize(("name", "da", "db"), [("mul_", [2, 4], [2, 4]), ("div_", [2, 1], [-2, -1])])
def test_the_gradient_of_other_has_a_copy_of_what_is_overwritten(name, da, db):
    a, b = tensors(True, True)
    y = a * 2.0
    getattr(y, name)(b)
    y.backward(np.ones(2))
    assert a.grad.tolist() == da
    assert b.grad.tolist() == db


def test_a_tensor_by_itself():
    (a,) = tensors(True)
    y = a * 1.0
    y *= y
    y.backward(np.ones(2))
    assert a.grad.tolist() == [2.0, 4.0]


def test_copy_has_the_gradient_of_its_source():
    a, b = tensors(True, True)
    y = a * 1.0
    assert y.copy_(b) is y
    constant = pydl.zeros(3, 2)
    constant.copy_(b * 2.0)
    (y.sum() + constant.sum()).backward()
    assert constant.tolist() == [[2, 4]] * 3
    assert a.grad.tolist() == [0, 0]
    assert b.grad.tolist() == [7, 7]


def test_copy_of_the_tensor_itself_turned():
    x = pydl.tensor(np.arange(9.0).reshape(3, 3))
    assert x.copy_(x.T).tolist() == np.arange(9.0).reshape(3, 3).T.tolist()


def test_what_is_filled_has_no_gradient_but_its_value_has():
    a, b = tensors(True, True)
    y, z = a * 1.0, a * 1.0
    y.zero_()
    z.fill_(b.sum())
    (y + z).backward(np.ones(2))
    assert y.tolist() == [0, 0]
    assert z.tolist() == [3, 3]
    assert a.grad.tolist() == [0, 0]
    assert b.grad.tolist() == [2, 2]


@pytest.mark.parametrize(
    "product",
    [
        pydl.matmul,
        pydl.nn.functional.linear,
        lambda x, w: pydl.nn.functional.conv2d(x[None, None], w[None, None]),
        lambda x, w: pydl.nn.functional.conv1d(x[None], w[None]),
        lambda x, w: pydl.nn.functional.conv_transpose2d(x[None, None], w[None, None]),
    ],
)
def test_a_factor_that_no_gradient_needs_may_change(product):
    for trained in range(2):
        factors = [pydl.ones(2, 2, requires_grad=k == trained) for k in range(2)]
        y = product(*factors)
        with pydl.no_grad():
            factors[trained] += 1
        y.sum().backward()
        assert factors[trained].grad is not None


def test_leaf_changes_under_no_grad_only():
    (x,) = tensors(True)
    with pytest.raises(RuntimeError, match="add_: a leaf that needs a gradient changes in place only under no_grad"):
        x += 1
    with pydl.no_grad():
        x += 1
    assert x.is_leaf
    assert x.tolist() == [2.0, 3.0]


def test_refusals_leave_the_tensor_unchanged():
    x = pydl.tensor([1.0, 2.0])
    x.data.flags.writeable = False
    with pytest.raises(ValueError, match="mul_: the tensor's memory is read-only"):
        x *= 2
    x = pydl.tensor([1, 2])
    with pytest.raises(TypeError, match="add_: the result is float32, which the tensor's dtype int64 cannot hold"):
        x += 0.5
    y = pydl.tensor([1.0, 2.0])
    with pytest.raises(ValueError, match=r"add_: the result has shape \(3, 2\) but the tensor has \(2,\)"):
        y += np.ones((3, 2), np.float32)
    with pytest.raises(TypeError, match="add_: other is float64 but the tensor is float32"):
        y += pydl.tensor([1.0, 2.0], dtype=np.float64, requires_grad=True)
    assert x.tolist() == [1, 2]
    assert y.tolist() == [1.0, 2.0]


def test_view_of_a_recorded_tensor():
    (a,) = tensors(True)
    y = a * 2.0
    view = pydl.Tensor(y.data[:1])
    view.share_version(y)
    with pytest.raises(RuntimeError, match="add_: the tensor is a view of another one"):
        view += a


def test_wider_operand_is_rounded_without_history():
    x = pydl.tensor([1.0])
    x += np.array([0.5])
    assert x.dtype == np.float32
    assert x.tolist() == [1.5]


def test_overlapping_memory():
    base = pydl.tensor([1.0, 2.0, 3.0])
    pydl.Tensor(base.data[1:]).add_(pydl.Tensor(base.data[:-1]))
    assert base.tolist() == [1.0, 3.0, 5.0]


def test_operands_that_overlap():
    x = pydl.tensor([1.0, 2.0, 3.0, 4.0])
    x[1:].add_(x[:-1])
    assert x.tolist() == [1.0, 3.0, 5.0, 7.0]
    x.sub_(x)
    assert x.tolist() == [0.0, 0.0, 0.0, 0.0]


def test_rows_columns_and_parts():
    x = pydl.zeros(3, 6)
    x[:, ::2].add_(pydl.tensor([1.0, 2.0, 3.0]))
    x.T.mul_(pydl.tensor([1.0, 10.0, 100.0]))
    assert x.tolist() == [[k, 0.0, 2 * k, 0.0, 3 * k, 0.0] for k in (1.0, 10.0, 100.0)]
    with pytest.raises(ValueError, match="the result has shape"):
        x[0].add_(x)
    with pytest.raises(ValueError, match="do not broadcast"):
        x.add_(pydl.ones(5))


def test_columns_one_behind_another():
    x, y = (pydl.from_numpy(np.arange(6.0).reshape(2, 3).T) for _ in range(2))
    x.mul_(y).add_(1.0).sub_(pydl.ones(3, 2, dtype=np.float64))
    np.testing.assert_array_equal(x.numpy(), y.numpy() ** 2)
    assert x.stride() == (1, 3)
