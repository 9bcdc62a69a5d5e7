from itertools import product

import numpy as np
import pytest
from checks import check_kernel

import pydl
from pydl.nn.functional import gelu
from pydl.op import KERNELS
from pydl.recording import element_chain as chains
from pydl.recording.element_blocks import Chain
from pydl.recording.element_chain import FIRST_LOCAL, FIRST_OUTPUT, INPUTS, OPERATIONS, PLACES, element_chain

X = np.random.default_rng(0).standard_normal((50, 37)).astype(np.float32)
# Chains that read their input again, work in place, take numbers on either side and keep intermediate results.
FUNCTIONS = {
    "again": lambda x: (x * 2.0 + 1.0) * (x - 3.0),
    "either side": lambda x: 1.0 / (2.0 - x.abs().exp().sqrt()) - (3.0 - x.tanh()) / 2.0,
    "twice itself": lambda x: (x.relu() * x.relu()).square().sigmoid(),
    "extremes": lambda x: x.maximum(x * 0.5).minimum(1.0 - x),
    "logarithm": lambda x: (x.square() + 1.0).log() * -x,
    "numbers in a row": lambda x: (x * 1.1 + 0.3) * 0.7 - x * 0.9 * x * ((1.0 - x) * 1.3) + (x - 0.2) * 1.7 * x,
}


def arguments(steps, x, y, number=None):
    program = np.array([(list(OPERATIONS).index(name), place) for name, place in steps], np.int64)
    single = None if number is None else np.array([number], x.dtype)
    return program, x, single, *[None] * (INPUTS - 2), y, None, None


def test_native_equals_reference():
    check_kernel(element_chain)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_worked_by_hand(dtype):
    x, y = np.arange(5, dtype=dtype), np.empty(5, dtype)
    steps = [("load", 0), ("mul_forward", 1), ("store", FIRST_LOCAL), ("sub_forward other", 0)]
    element_chain(*arguments([*steps, ("add_forward", FIRST_LOCAL), ("store", FIRST_OUTPUT)], x, y, 3.0))
    assert y.tolist() == x.tolist()  # (x - 3 x) + 3 x


@pytest.mark.parametrize("place", [0, 1, FIRST_LOCAL])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_of_two_operations_in_a_row_is_rounded(dtype, place):
    x, y = X.astype(dtype).ravel(), np.empty(X.size, dtype)
    number = dtype(1.3)
    for first, second in product(["add_forward", "sub_forward", "sub_forward other", "mul_forward"], repeat=2):
        steps = [("load", 0), ("store", FIRST_LOCAL), (first, 1), (second, place), ("store", FIRST_OUTPUT)]
        element_chain.native(*arguments(steps, x, y, number))
        expected = OPERATIONS[second](OPERATIONS[first](x, number), number if place == 1 else x)
        np.testing.assert_array_equal(y, expected, f"{first}, {second}")


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_captured_chain_gives_the_same_bits(name, dtype):
    f, x = FUNCTIONS[name], X.astype(dtype)
    fast = pydl.capture(f)
    want = pydl.Tensor(x, True)
    expected = f(want)
    expected.backward(np.ones_like(x))
    for _ in range(2):
        a = pydl.Tensor(x, True)
        y = fast(a)
        y.backward(np.ones_like(x))
        np.testing.assert_array_equal(y.detach().numpy(), expected.detach().numpy())
    np.testing.assert_array_equal(a.grad.numpy(), want.grad.numpy())


def test_chains_become_one_call(monkeypatch):
    made = []
    real = chains.chain_call

    def note(*given):
        made.append(real(*given))
        return made[-1]

    monkeypatch.setattr("pydl.recording.element_blocks.chain_call", note)
    x = pydl.tensor(X)
    with pydl.no_grad():
        pydl.capture(FUNCTIONS["again"])(x)
        assert made.pop()[0].__name__ == "element_chain"
        many = [np.full((), 1.0 + k, np.float32) for k in range(chains.INPUTS + 1)]

        def long(x):
            for number in many:
                x = x + number
            return x

        np.testing.assert_array_equal(pydl.capture(long)(x).numpy(), long(x).numpy())


def test_scalar_inputs_are_read_in_each_replay():
    fast = pydl.capture(lambda x, s: x * s + s)
    for s in (2.0, 3.0):
        np.testing.assert_array_equal(fast(pydl.tensor(X), pydl.tensor(s)).numpy(), X * np.float32(s) + np.float32(s))


def test_numbers_that_change_in_place_are_seen():
    s = pydl.tensor(2.0)
    fast = pydl.capture(lambda x: x * s + s)
    for value in (2.0, 3.0):
        s.data[...] = value
        np.testing.assert_array_equal(fast(pydl.tensor(X)).numpy(), X * np.float32(value) + np.float32(value))


@pytest.mark.parametrize(
    "steps",
    [[("load", 1)], [("load", -1)], [("load", PLACES)], [("store", 0)], [("store", FIRST_OUTPUT + 1)]],
    ids=str,
)
def test_refuses_programs_that_name_what_there_is_not(steps):
    x = np.ones(8, np.float32)
    with pytest.raises(ValueError, match="element_chain: program names what there is not"):
        element_chain.native(*arguments(steps, x, np.empty(8, np.float32)))


def test_refuses_arrays_of_other_sizes():
    given = list(arguments([("load", 0)], np.ones(8, np.float32), np.empty(8, np.float32)))
    given[1] = np.ones(7, np.float32)
    with pytest.raises(ValueError, match="element_chain: arrays must be contiguous and of one size"):
        KERNELS["element_chain"].native(*given)


def test_chains_of_arrays_that_lie_alike():
    neg = KERNELS["neg_forward"].native
    rows = np.ones((3, 4, 5), np.float32)
    turned, gaps = rows.transpose(0, 2, 1), np.ones((3, 5, 8), np.float32)[:, :, ::2]
    chain = Chain()
    assert chain.take((neg, (turned, np.empty_like(turned))))
    assert not chain.take((neg, (rows, np.empty_like(rows))))
    assert not chain.take((neg, (turned, np.empty(turned.shape, np.float32))))
    assert not chain.take((neg, (gaps, np.empty_like(turned))))
    assert chain.take((neg, (turned, np.empty_like(turned))))
    assert Chain().take((neg, (rows, np.empty_like(rows))))


@pytest.mark.parametrize("activation", [pydl.sigmoid, gelu])
@pytest.mark.parametrize("shape", [(2, 3, 4), (1, 5, 1), (8, 65, 130)])
def test_captured_chains_of_turned_arrays(shape, activation):
    def chain(x):
        turned = x.permute(2, 0, 1)
        y = activation(turned) * 2 + turned.tanh()
        return (y * y - turned).relu() + turned.abs(), x.sigmoid() * x

    x = pydl.tensor(np.random.default_rng(0).standard_normal(shape).astype(np.float32))
    fast = pydl.capture(chain)
    for _ in range(2):
        for got, want in zip(fast(x), chain(x), strict=True):
            np.testing.assert_array_equal(got.numpy(), want.numpy())


def test_what_is_quick_is_computed_again():
    """x - 3 is read three times, by three results, and stored nowhere else."""

    def call(x, dy):
        near = x - 3.0
        return (x * 2.0 + 1.0) * near, dy * near, near.sqrt() * dy

    x, dy = (pydl.tensor(np.random.default_rng(0).uniform(4.0, 5.0, 1000).astype(np.float32)) for _ in range(2))
    captured = pydl.capture(call)
    for _ in range(3):
        for got, want in zip(captured(x, dy), call(x, dy), strict=True):
            np.testing.assert_array_equal(got.numpy(), want.numpy())


def test_inputs_that_are_overwritten_are_read_before():
    x, y = np.arange(1.0, 5.0), np.arange(11.0, 15.0)
    t, u, one = np.empty(4), np.empty(4), np.ones(())
    add, mul, clone = (KERNELS[f"{name}_forward"].native for name in ("add", "mul", "clone"))
    calls = [(add, (y, one, t)), (mul, (x, t, u)), (add, (x, one, y)), (clone, (t, x))]
    kept = {chains.address(x), chains.address(y), chains.address(u)}
    native, arguments = chains.chain_call(calls, kept)
    native(*arguments)
    np.testing.assert_array_equal(u, [12.0, 26.0, 42.0, 60.0])
    np.testing.assert_array_equal(y, [2.0, 3.0, 4.0, 5.0])
    np.testing.assert_array_equal(x, [12.0, 13.0, 14.0, 15.0])
