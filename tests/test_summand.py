"""Gradients that are computed into a sum: see pydl/summand.pyx."""

import numpy as np
import pytest

import pydl
from pydl._compiled import Summand
from pydl.op import op

rng = np.random.default_rng(0)
X = rng.standard_normal((6, 2, 3)).astype(np.float32)
W = rng.standard_normal((6, 2, 3)).astype(np.float32)
LOG = []


class Ones(Summand):
    """1 for every element, some times; notes what is asked of it."""

    def __init__(self, shape, times=1, joins=True):
        self.shape, self.times, self.joins = shape, times, joins

    def join(self, other):
        LOG.append("join")
        self.times += other.times if self.joins else 0
        return self.joins

    def array(self):
        LOG.append("array")
        return np.full(self.shape, float(self.times))

    def add_to(self, sum):
        LOG.append("add_to")
        sum += self.times


@op("x")
def step(x, joins=True):
    return x + 1.0, lambda dy, needs: Ones(x.shape, joins=joins), ()


@op("x")
def wrong(x):
    return x + 1.0, lambda dy, needs: Ones((7,)), ()


@pytest.fixture(autouse=True)
def forget():
    LOG.clear()


def test_those_of_a_leaf_are_computed_together():
    x = pydl.tensor(np.zeros(2), requires_grad=True)
    (step(x) + step(x) + step(x)).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [3, 3])
    assert LOG == ["join", "join", "array"]


def test_those_that_do_not_join_are_added():
    x = pydl.tensor(np.zeros(2), requires_grad=True)
    (step(x, joins=False) + step(x, joins=False)).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [2, 2])
    assert LOG == ["join", "array", "add_to"]


def test_a_gradient_from_before_is_added_to_and_counts_as_changed():
    x = pydl.tensor(np.zeros(2), requires_grad=True)
    x.grad = before = pydl.tensor(np.ones(2))
    step(x).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [2, 2])
    assert x.grad is before
    assert before.version.count == 1
    assert LOG == ["add_to"]


def test_a_gradient_from_before_with_gaps():
    x = pydl.tensor(np.zeros(2), requires_grad=True)
    x.grad = pydl.tensor(np.ones((2, 2)))[:, 0]
    step(x).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [2, 2])


@pytest.mark.parametrize("first", [True, False])
def test_beside_others_of_a_result(first):
    leaf = pydl.tensor(np.zeros(2), requires_grad=True)
    x = leaf * 1.0
    y = step(x) + x * 5.0 if first else x * 5.0 + step(x)
    (y + step(x)).sum().backward()
    np.testing.assert_array_equal(leaf.grad.data, [7, 7])


def test_what_an_operation_handed_on_is_not_added_to():
    a, b = (pydl.tensor(np.zeros(2), requires_grad=True) for _ in range(2))
    x = a * 1.0
    (step(x) + (x + b)).sum().backward()  # x and b get the same array
    np.testing.assert_array_equal(a.grad.data, [2, 2])
    np.testing.assert_array_equal(b.grad.data, [1, 1])


def test_a_hook_sees_an_array():
    x = pydl.tensor(np.zeros(2), requires_grad=True)
    x.register_hook(lambda gradient: gradient * 2.0)
    (step(x) + step(x)).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [4, 4])


def test_a_wrong_shape():
    x = pydl.tensor(np.zeros(2), requires_grad=True)
    with pytest.raises(RuntimeError, match=r"wrong: the gradient for input 0 has shape \(7,\), the input \(2,\)"):
        wrong(x).sum().backward()


@pytest.mark.parametrize("kept", [False, True], ids=["once", "twice"])
@pytest.mark.parametrize("computed", [False, True], ids=["leaf", "result"])
def test_a_loop_over_parts(computed, kept):
    leaf = pydl.tensor(X, requires_grad=True)
    x = leaf * 2.0 if computed else leaf
    picked = [x[t] for t in (0, 2, -1, 2)] + [x[:, 1], x[[0, 0, 4]], x[X > 0]]
    weights = [pydl.tensor(W.ravel()[: each.data.size].reshape(each.shape)) for each in picked]
    total = sum((each * w).sum() for each, w in zip(picked, weights, strict=True))
    want = np.zeros_like(X)
    for index, w in zip((0, 2, -1, 2), weights, strict=False):
        want[index] += w.data
    want[:, 1] += weights[4].data
    np.add.at(want, [0, 0, 4], weights[5].data)
    want[X > 0] += weights[6].data
    if kept:
        total.backward(retain_graph=True)
    total.backward()
    np.testing.assert_allclose(leaf.grad.data, want * (2 if computed else 1) * (2 if kept else 1), rtol=1e-5)
