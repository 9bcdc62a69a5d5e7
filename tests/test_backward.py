"""The tape replayed: which gradients arrive, in whose memory, past which hooks, and what is refused."""

import threading

import numpy as np
import pytest
from tape_operations import halves, leaf, product, total

import pydl
from pydl.op import op
from pydl.ops import cat, unbind

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


# Hooks


@pytest.mark.parametrize("shape", [(1,), (1, 1)])
def test_a_number_repeated_to_one_element_can_be_added_to(shape):
    """expand() gives a view that is as large as the number, and that nothing may be written to."""
    leaf = pydl.full(shape, 2.0, requires_grad=True)
    (leaf.square().sum() + leaf.sum()).backward()
    leaf.sum().backward()
    assert leaf.grad.tolist() == np.full(shape, 6.0).tolist()


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
