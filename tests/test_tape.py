"""The tape as it is recorded: what it keeps and frees, whose changes it notices, and when nothing is recorded."""

import copy
import gc
import threading
import weakref

import numpy as np
import pytest
from tape_operations import leaf, product, rooted, total

import pydl
from pydl.op import op

# Freed memory


def test_backward_twice():
    x = leaf(2.0)
    y = product(x, x)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 8
    with pytest.raises(RuntimeError, match=r"the record of product was freed .* retain_graph=True"):
        y.backward()
    with pytest.raises(RuntimeError, match="freed"):
        total(y, y).backward()
    assert x.grad.item() == 8


def test_memory_is_freed_as_backward_goes():
    alive = []

    @op("x")
    def watched(x):
        kept = np.ones(1000)
        reference = weakref.ref(kept)

        def gradient(dy, needs):
            alive.append(sum(each() is not None for each in references))
            return dy * kept[0]

        references.append(reference)
        return x.copy(), gradient, ()

    references = []
    x = leaf(1.0)
    y = x
    for _ in range(5):
        y = watched(y)
    y.backward()
    assert alive == [5, 4, 3, 2, 1]
    assert not any(each() for each in references)


def test_results_are_freed_without_the_cycle_collector():
    gc.disable()
    try:
        x = leaf(1.0)
        y = x.clone()
        z = product(y, y)
        z.retain_grad()
        z.register_hook(lambda gradient: None)
        references = [weakref.ref(y), weakref.ref(z)]
        z.backward()
        del y, z
        assert [each() for each in references] == [None, None]
    finally:
        gc.enable()


def test_nothing_is_kept_without_a_gradient():
    before = pydl.Tensor(np.zeros(3))
    reference = weakref.ref(before)
    after = before.clone()
    del before
    assert reference() is None
    assert after.grad_fn is None


# In-place changes


@pytest.mark.parametrize(("function", "name"), [(lambda y: product(y, y), "its a"), (rooted, "its output")])
def test_a_saved_tensor_that_changed(function, name):
    y = leaf(4.0).clone()
    z = function(y)
    changed = y if name == "its a" else z
    with pydl.no_grad():
        changed.fill_(1.0)
    with pytest.raises(RuntimeError, match=f"needs {name}, but it was changed in place .*version 1, expected 0"):
        z.backward()


def test_a_change_that_no_gradient_needs():
    y = leaf(4.0).clone()
    z = y.clone()
    with pydl.no_grad():
        y.fill_(1.0)
    z.backward()


def test_detached_twins_share_memory_and_version():
    y = leaf(4.0).clone()
    z = product(y, y)
    twin = y.detach()
    assert twin.data is y.data
    assert not twin.requires_grad
    assert twin.is_leaf
    twin.fill_(7.0)
    with pytest.raises(RuntimeError, match="changed in place"):
        z.backward()


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.reshape(2, 2),
        lambda x: x.T,
        lambda x: x[1],
        lambda x: x.unbind()[0],
        lambda x: x.split(1)[1],
        lambda x: x[..., None].squeeze(-1),
        lambda x: x.expand(3, 2, 2),
    ],
)
def test_views_share_the_version_of_their_base(view):
    base = leaf(1.0, 2.0, 3.0, 4.0).clone().reshape(2, 2)
    part = view(base)
    assert part.version is base.version
    y = rooted(part)
    z = product(part, part)
    with pydl.no_grad():
        base.fill_(0.0)
    y.sum().backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="product needs its a, but it was changed in place"):
        z.sum().backward()


def test_copies_have_a_version_of_their_own():
    x = pydl.tensor(np.zeros((2, 3)))
    for each in (x.T.reshape(-1), x[[0, 1]], x[x.bool()], x.clone(), x.flip(0)):
        assert each.version is not x.version


def test_sharers_are_counted():
    x = pydl.zeros(4)
    assert x.version.sharers == 1
    twins = [x.detach(), x[1:], x.reshape(2, 2), *x.split(2)]
    assert x.version.sharers == 6
    del twins
    assert x.version.sharers == 1
    y = x[0]
    cycle = [y]
    cycle.append(cycle)
    y._hooks = [cycle]
    del y, cycle
    assert x.version.sharers == 2
    gc.collect()
    assert x.version.sharers == 1


# What is recorded


def test_no_grad_and_enable_grad_nest():
    x = leaf(1.0)
    assert x.clone().requires_grad
    with pydl.no_grad():
        assert not x.clone().requires_grad
        with pydl.enable_grad():
            assert x.clone().requires_grad
            with pydl.no_grad():
                assert not pydl.is_grad_enabled()
            assert pydl.is_grad_enabled()
        assert not pydl.is_grad_enabled()
    assert pydl.is_grad_enabled()


def test_one_no_grad_inside_itself():
    off, on = pydl.no_grad(), pydl.enable_grad()
    for _ in range(30):
        off.__enter__()
        assert not pydl.is_grad_enabled()
        on.__enter__()
        assert pydl.is_grad_enabled()
    for _ in range(30):
        on.__exit__()
        assert not pydl.is_grad_enabled()
        off.__exit__()
    assert pydl.is_grad_enabled()
    for _ in range(64):
        off.__enter__()
    with pytest.raises(RecursionError, match="no_grad: "):
        off.__enter__()
    for _ in range(64):
        off.__exit__()
    assert pydl.is_grad_enabled()


def test_no_grad_ends_with_an_exception():
    with pytest.raises(ZeroDivisionError), pydl.no_grad():
        1 // 0  # noqa: B018
    assert pydl.is_grad_enabled()


def test_as_decorators():
    x = leaf(1.0)

    @pydl.no_grad()
    def outer(n):
        """Says what it is."""
        return x.clone().requires_grad or (n > 0 and outer(n - 1)) or inner()

    @pydl.enable_grad()
    def inner():
        return "recorded" if x.clone().requires_grad else "lost"

    assert outer(2) == "recorded"
    assert outer.__doc__ == "Says what it is."
    assert pydl.is_grad_enabled()


def test_one_object_entered_again_inside_itself():
    off = pydl.no_grad()
    with off:
        with off:
            assert not pydl.is_grad_enabled()
        assert not pydl.is_grad_enabled()
    assert pydl.is_grad_enabled()


def test_as_a_decorator_without_parentheses_and_of_a_generator():
    @pydl.no_grad
    def plain():
        return pydl.is_grad_enabled()

    @pydl.no_grad()
    def steps():
        yield pydl.is_grad_enabled()
        yield pydl.is_grad_enabled()
        return "end"

    def user():
        seen.append((yield from steps()))

    seen = []
    assert plain() is False
    for each in user():
        assert each is False
        assert pydl.is_grad_enabled(), "outside the generator nothing has changed"
    assert seen == ["end"]
    with pytest.raises(TypeError, match="no_grad: what it decorates must be a function, not int"):
        pydl.no_grad(3)


def test_each_thread_has_its_own_switch():
    inside = []
    with pydl.no_grad():
        thread = threading.Thread(target=lambda: inside.append(pydl.is_grad_enabled()))
        thread.start()
        thread.join()
    assert inside == [True]


def test_only_floating_results_need_a_gradient():
    x = leaf(1.0, 5.0)
    values, indices = x.max(0)
    assert values.requires_grad
    assert not indices.requires_grad
    assert indices.is_leaf


def test_requires_grad_of_the_wrong_tensors():
    with pytest.raises(TypeError, match="only floating-point tensors have gradients, this one is int64"):
        pydl.tensor([1, 2], requires_grad=True)
    with pytest.raises(TypeError, match="this one is bool"):
        pydl.tensor([True]).requires_grad_()
    y = leaf(1.0).clone()
    with pytest.raises(RuntimeError, match=r"use detach\(\)"):
        y.requires_grad = False


def test_deepcopy():
    x = leaf(1.0, 2.0)
    x.sum().backward()
    twin, same = copy.deepcopy([x, x])
    assert twin is same
    assert twin.requires_grad
    twin.data += 1
    twin.grad.data += 1
    assert (x.tolist(), x.grad.tolist()) == ([1, 2], [1, 1])
    with pytest.raises(RuntimeError, match="deepcopy"):
        copy.deepcopy(x.clone())


def test_replacing_the_data_counts_as_a_change():
    x = leaf(2.0)
    y = product(x, x)
    x.data = np.array([3.0])
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()
    with pytest.raises(TypeError, match="data must be a numpy array, not list"):
        x.data = [1.0]
    with pytest.raises(TypeError, match="holds floating-point numbers, not int64"):
        x.data = np.array([3])


def test_replaced_data_of_another_shape_or_dtype():
    x = leaf(1.0, 2.0)
    y = x.sum()
    x.data = np.ones(3)
    with pytest.raises(RuntimeError, match=r"a leaf has the shape \(3,\) since .* its gradient \(2,\)"):
        y.backward()
    x.sum().backward()
    for other in (np.ones(2), np.ones(3, np.float32)):
        x.data = other
        with pytest.raises(RuntimeError, match=r"a leaf has a gradient float64 .* set grad to None first"):
            x.sum().backward()
    x.grad = None
    x.sum().backward()
    assert x.grad.dtype == np.float32


@pytest.mark.parametrize(
    ("grad", "error", "message"),
    [
        (3, TypeError, "grad: must be a Tensor or None, not int"),
        ([1.0, 1.0], TypeError, "grad: must be a Tensor or None, not list"),
        (np.ones(3), ValueError, r"grad: has shape \(3,\) but the tensor has \(2,\)"),
        (pydl.ones(2), TypeError, "grad: is float32 but the tensor is float64"),
    ],
)
def test_grad_of_the_wrong_kind(grad, error, message):
    x = leaf(1.0, 2.0)
    with pytest.raises(error, match=message):
        x.grad = grad
    x.grad = np.ones(2)  # an array will do
    x.sum().backward()
    assert x.grad.tolist() == [2, 2]
