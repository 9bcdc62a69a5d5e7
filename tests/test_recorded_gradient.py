"""recorded_gradient: a captured chain gives the same gradients, bit for bit; what cannot be recorded runs as it is."""

from __future__ import annotations

import numpy as np
import pytest
from checks import same_bits

import pydl
from pydl.nn.functional import gelu, linear, relu
from pydl.ops import where


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
