"""The tape itself: what is recorded, in which order it is replayed, what is freed, and what is refused."""

import copy
import gc
import threading
import weakref

import numpy as np
import pytest

import pydl
from pydl.op import op
from pydl.ops import cat, unbind


@op("a", "b")
def product(a, b):
    """a * b of one shape; its gradient needs both."""
    return a * b, lambda dy, needs: (dy * b, dy * a), ("a", "b")


@op("a", "b")
def total(a, b):
    """a + b of one shape; hands the very same array to both."""
    return np.asarray(a + b), lambda dy, needs: (dy, dy), ()


@op("x")
def halves(x):
    """Two results: x / 2 and x / 4."""

    def gradient(dys, needs):
        parts = [dy * factor for dy, factor in zip(dys, (0.5, 0.25), strict=True) if dy is not None]
        return np.asarray(sum(parts))

    return [np.asarray(x / 2), np.asarray(x / 4)], gradient, ()


@op("x")
def rooted(x):
    """sqrt(x); its gradient needs the output."""
    y = np.sqrt(x)
    return y, lambda dy, needs: dy / (2 * y), ("output",)


def leaf(*values):
    return pydl.tensor(np.array(values), requires_grad=True)


# What the numbers are


def test_a_tensor_used_several_times_adds_up():
    x = leaf(2.0, 3.0)
    product(product(x, x), x).backward(np.ones(2))
    np.testing.assert_allclose(x.grad.numpy(), 3 * x.detach().numpy() ** 2)


def test_backward_adds_to_grad():
    x = leaf(2.0)
    x.clone().backward()
    x.clone().backward()
    assert x.grad.tolist() == [2]


@pytest.mark.parametrize("shape", [(), (1,), (2, 3)])
def test_a_diamond(shape):
    x = pydl.full(shape, 3.0, dtype=np.float64, requires_grad=True)
    y = x.clone()
    z = total(product(y, y), y.clone())
    z.backward(np.ones(shape))
    np.testing.assert_array_equal(x.grad.numpy(), np.full(shape, 7.0))


def test_each_node_runs_once_however_many_paths_lead_to_it():
    x = leaf(1.0)
    y = x
    for _ in range(60):  # 2^60 paths
        y = total(y, y)
    y.backward()
    assert x.grad.item() == 2.0**60


def test_a_result_that_is_not_used():
    x = leaf(8.0)
    first, second = halves(x)
    second.backward()
    assert x.grad.tolist() == [0.25]
    x.grad = None
    first, second = halves(x)
    total(first, second).backward()
    assert x.grad.tolist() == [0.75]


def test_a_single_piece_is_still_a_tuple():
    x = leaf(5.0)
    (only,) = unbind(x)
    only.backward()
    assert x.grad.tolist() == [1]


def test_a_list_of_tensors():
    x, y = leaf(1.0), leaf(2.0, 3.0)
    cat([x, y, np.zeros(2), x]).backward(np.arange(6.0))
    assert (x.grad.tolist(), y.grad.tolist()) == ([5], [1, 2])
    assert cat(tensors=[x, y], dim=0).shape == (3,)


def test_the_gradient_of_a_leaf_itself():
    x = leaf(1.0)
    x.backward()
    assert x.grad.tolist() == [1]


@pytest.mark.parametrize("depth", [10_000, 100_000])
def test_a_deep_chain(depth):
    x = leaf(1.0)
    y = x
    for _ in range(depth):
        y = total(y, x)
    y.backward()
    assert x.grad.item() == depth + 1
    y = x
    for _ in range(depth):
        y = y.clone()
    del y  # taking the record apart must not recurse either


# Whose arrays they are


def test_leaves_never_share_a_gradient_array():
    a, b, c = leaf(1.0), leaf(2.0), leaf(3.0)
    total(total(a, b), c.clone()).backward()
    a.grad.data += 10
    assert (b.grad.item(), c.grad.item()) == (1, 1)


def test_grad_is_not_the_callers_array():
    x, dy = leaf(1.0, 2.0), np.array([3.0, 4.0])
    x.clone().backward(dy)
    x.grad.data += 1
    assert dy.tolist() == [3, 4]
    dy += 7
    assert x.grad.tolist() == [4, 5]


def test_retained_gradients_are_copies():
    x = leaf(1.0)
    y = x.clone()
    z = y.clone()
    y.retain_grad()
    z.retain_grad()
    z.backward()
    y.grad.data += 10
    assert (x.grad.item(), z.grad.item()) == (1, 1)


def test_a_repeated_number_becomes_a_whole_gradient():
    x = pydl.zeros(2, 3, requires_grad=True)
    x.sum().backward()
    x.grad.data[0, 0] = 5
    assert x.grad.tolist() == [[5, 1, 1], [1, 1, 1]]


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


# Hooks


def test_hooks():
    seen = []
    x = leaf(3.0)
    y = x.clone()
    y.register_hook(lambda gradient: seen.append(("y", gradient.item())))
    x.register_hook(lambda gradient: seen.append(("x", gradient.item())))
    product(y, y).backward()
    assert seen == [("y", 6), ("x", 6)]  # once, with the complete sum


@pytest.mark.parametrize("give", [lambda g: pydl.tensor(g.data * 10), lambda g: g.data * 10])
def test_a_hook_replaces_the_gradient(give):
    x = leaf(3.0)
    y = x.clone()
    y.register_hook(give)
    x.register_hook(give)
    y.backward()
    assert x.grad.item() == 100
    assert x.grad.dtype == np.float64


def test_a_hook_is_removed():
    x = leaf(3.0)
    handle = x.register_hook(lambda gradient: gradient.data * 10)
    y = x.clone()
    other = y.register_hook(lambda gradient: gradient.data * 10)
    for each in (handle, other, handle):
        each.remove()
    y.backward()
    assert x.grad.item() == 1


def test_hooks_of_several_results():
    x = leaf(8.0)
    first, second = halves(x)
    seen = []
    second.register_hook(lambda gradient: seen.append(gradient.item()))
    total(first, product(second, second)).backward()
    assert seen == [4]


def test_hooks_that_fail():
    x = leaf(3.0)
    with pytest.raises(RuntimeError, match="needs no gradient"):
        x.detach().register_hook(print)
    for wrong, error, message in (
        (lambda g: np.zeros(2), RuntimeError, r"the gradient has shape \(1,\), the hook returned \(2,\)"),
        (lambda g: 1.0, TypeError, "must return a tensor, an array or None, not float"),
        (lambda g: 1 // 0, ZeroDivisionError, "division"),
    ):
        y = x.clone()
        y.register_hook(wrong)
        with pytest.raises(error, match=message):
            y.backward()
        assert x.grad is None
    x.clone().backward()  # nothing of that stays
    assert x.grad.item() == 1
    assert pydl.is_grad_enabled()


def test_retain_grad():
    x = leaf(3.0)
    y = x.clone()
    assert y.grad is None
    y.retain_grad()
    y.retain_grad()
    product(y, y).backward(retain_graph=True)
    assert y.grad.item() == 6
    x.retain_grad()  # a leaf keeps its gradient anyway
    assert x.grad.item() == 6


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


def test_each_thread_has_its_own_switch():
    inside = []
    with pydl.no_grad():
        thread = threading.Thread(target=lambda: inside.append(pydl.is_grad_enabled()))
        thread.start()
        thread.join()
    assert inside == [True]


def test_threads_run_backward_at_the_same_time():
    results = []

    def work():
        x = leaf(1.0)
        y = x
        for _ in range(500):
            y = total(y, x)
        y.backward()
        results.append(x.grad.item())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [501] * 4


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


# Wrong calls


def test_backward_of_what_was_not_recorded():
    with pytest.raises(RuntimeError, match="needs no gradient"):
        pydl.tensor([1.0]).backward()
    x = leaf(1.0)
    with pydl.no_grad():
        y = x.clone()
    with pytest.raises(RuntimeError, match="nothing was recorded"):
        y.backward()


def test_backward_of_several_numbers():
    y = leaf(1.0, 2.0).clone()
    with pytest.raises(RuntimeError, match=r"must hold one number, it has shape \(2,\)"):
        y.backward()
    with pytest.raises(ValueError, match=r"gradient has shape \(3,\) but the tensor has \(2,\)"):
        y.backward(np.ones(3))
    y.backward(pydl.tensor([1.0, 2.0]))


def test_a_gradient_of_the_wrong_shape_names_its_operation():
    @op("x")
    def wrong(x):
        return x.copy(), lambda dy, needs: np.zeros(7), ()

    with pytest.raises(RuntimeError, match=r"wrong: the gradient for input 0 has shape \(7,\), the input \(1,\)"):
        wrong(leaf(1.0)).backward()


def test_too_few_gradients():
    @op("a", "b")
    def short(a, b):
        return a + b, lambda dy, needs: dy, ()

    with pytest.raises(RuntimeError, match="short: its gradient gave 1 arrays for 2 inputs"):
        short(leaf(1.0), leaf(2.0)).backward()


def test_an_error_in_a_gradient_leaves_things_usable():
    @op("x")
    def broken(x):
        return x.copy(), lambda dy, needs: 1 // 0, ()

    x = leaf(1.0)
    with pytest.raises(ZeroDivisionError):
        broken(x).backward()
    assert x.grad is None
    x.clone().backward()
    assert x.grad.item() == 1


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
