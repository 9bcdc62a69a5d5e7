"""recorded_gradient: a captured chain gives the same gradients, bit for bit; what cannot be recorded runs as it is."""

from __future__ import annotations

import numpy as np
import pytest
from checks import same_bits

import pydl
from pydl.arguments import check_float
from pydl.nn.functional import gelu, linear, relu
from pydl.op import empty_like, op
from pydl.ops import where
from pydl.ops.square import square_forward


def random(*shape, dtype=np.float32):
    return pydl.tensor(np.random.default_rng(len(shape)).standard_normal(shape).astype(dtype), requires_grad=True)


def gradients(function, *inputs):
    """The result and the gradients of the inputs, of a dC/dy that is not the same everywhere."""
    for each in inputs:
        each.grad = None
    y = function(*inputs)
    y.backward(pydl.tensor(np.cos(y.data).astype(y.data.dtype)))
    return [y.detach(), *(each.grad for each in inputs)]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("shape", [(3, 4), (300, 301), (7, 100_001), (1, 1), ()])
@pytest.mark.parametrize(
    "function",
    [
        lambda x: (x * 2.0 + 1.0) * (x - 3.0),
        lambda x: relu(x) / (x * x + 1.0) - gelu(x).exp().sqrt(),
        lambda x: x + 1.0,
    ],
)
def test_chains(function, shape, threads):
    before = pydl.get_num_threads()
    pydl.set_num_threads(threads)
    try:
        fast, x = pydl.capture(function), random(*shape)
        for _ in range(2):
            for one, other in zip(gradients(fast, x), gradients(function, x), strict=True):
                assert same_bits(one, other)
        assert next(iter(fast._with_gradient.values())) is not None
    finally:
        pydl.set_num_threads(before)


def test_several_inputs_and_rows():
    def function(x, row, mask):
        return where(mask, x * row, row + 2.0) * x.tanh()

    mask = np.arange(500) % 3 == 0
    x, row = random(400, 500, dtype=np.float64), random(500, dtype=np.float64)
    fast = pydl.capture(lambda x, row: function(x, row, mask))
    for one, other in zip(gradients(fast, x, row), gradients(lambda *t: function(*t, mask), x, row), strict=True):
        assert same_bits(one, other)
    row.requires_grad = False
    assert same_bits(gradients(lambda x: fast(x, row), x)[1], gradients(lambda x: function(x, row, mask), x)[1])


def test_what_cannot_be_recorded_runs_as_it_is():
    w, x = random(3, 4), random(2, 4)
    for function in (lambda x: linear(relu(x), w), lambda x: relu(x) * w[:2]):  # a product; a parameter from outside
        w.grad = None
        expected = [*gradients(function, x), w.grad]
        w.grad = None
        for one, other in zip([*gradients(pydl.capture(function), x), w.grad], expected, strict=True):
            assert same_bits(one, other)
    y, z = pydl.capture(lambda x: (x * 2.0, x + 1.0))(x)
    (y + z).sum().backward()
    with pydl.no_grad():
        assert not pydl.capture(relu)(x).requires_grad
    with pydl.use_backend("reference"):
        assert pydl.capture(relu)(x).requires_grad


def test_a_change_of_the_input_between_the_passes_is_an_error():
    x = random(3)
    y = pydl.capture(lambda x: x * x + 1.0)(x)
    with pydl.no_grad():
        x.mul_(2.0)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward(pydl.ones(3))


def both_passes(function):
    """The function of some inputs, the first of which gets a gradient, that returns the result and this gradient."""

    def run(x, *others):
        with pydl.enable_grad():
            leaf = x.detach().requires_grad_()
            y = function(leaf, *others)
            y.backward(None if y.ndim == 0 else others[0])
        return y.detach(), leaf.grad

    return run


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", [(3, 4), (300, 301), (1, 1), ()])
@pytest.mark.parametrize(
    ("function", "calls"),
    [
        (lambda x, t: (x * 2.0 + 1.0) * (x - t), 1),
        (lambda x, t: ((x - t) ** 2).mean(), 3),
        (lambda x, t: ((x - t) * (x - t)).sum() * 0.5 + t.mean(), 6),
        (lambda x, t: (1 + x - t * t - x.exp()).sum() * -0.5, 4),
        (lambda x, t: (gelu(x) * t).mean() + (x.abs() * 3.0).sum(), None),
        (lambda x, t: ((x - t).sum() * x).abs().mean(), None),
    ],
)
def test_functions_that_find_gradients_themselves(function, calls, shape, threads):
    """The same bits, in one chain where the loss is all that stands between the passes."""
    before = pydl.get_num_threads()
    pydl.set_num_threads(threads)
    try:
        x, t = random(*shape).detach(), random(*shape, 1).detach().reshape(shape) * 0.5
        fast = pydl.capture(both_passes(function))
        for _ in range(2):
            for one, other in zip(fast(x, t), both_passes(function)(x, t), strict=True):
                assert same_bits(one, other)
        (recording,) = fast._recordings.values()
        if calls is not None and x.numel() > 1:
            assert len(recording._replay.native) <= calls
    finally:
        pydl.set_num_threads(before)


def test_random_numbers_keep_their_order():
    layer = pydl.nn.Linear(30, 40)

    def loss(y, t):
        return ((y - t) * pydl.randn(1, 1)).square().mean() * pydl.randn(1).sum()

    step = pydl.capture_step(layer, loss, pydl.optim.SGD(layer.parameters(), lr=0.0))
    x, t = random(50, 30).detach(), random(50, 40).detach()
    for _ in range(2):
        pydl.manual_seed(3)
        found = step(x, t)
        pydl.manual_seed(3)
        assert same_bits(found, loss(layer(x), t).detach())


def test_a_gradient_that_is_made_outside_the_kernels_is_found_as_usual():
    @op("input")
    def function(input):
        x = check_float("function", "input", input)
        y = empty_like(x)
        square_forward(x, y)
        return y, lambda dy, needs: 2 * x * dy, ("input",)

    x, y = (pydl.tensor(np.array([0.5, -1.0]), requires_grad=True) for _ in range(2))
    function(x).sum().backward()
    fast = pydl.capture(function)
    for _ in range(2):
        fast(y).sum().backward()
    assert same_bits(y.grad, x.grad * 2)
