"""Element-by-element operations keep the order in which the elements of their inputs lie in memory."""

import numpy as np
import pytest
from checks import torch

import pydl

RNG = np.random.default_rng(0)
OPERATIONS = {
    "relu": lambda library, x: library.relu(x),
    "gelu": lambda library, x: library.nn.functional.gelu(x),
    "exp": lambda library, x: library.exp(x),
    "abs": lambda library, x: library.abs(x),
    "clamp": lambda library, x: x.clamp(-0.5, 0.5),
    "times": lambda library, x: x * 2.0,
    "squares": lambda library, x: x * x,
    "power": lambda library, x: x**3,
    "quotient": lambda library, x: x / (x * x + 1.0),
    "bias": lambda library, x: x + library.ones(x.shape[-1], dtype=x.dtype),
    "where": lambda library, x: library.where(x > 0, x, x * 0.5),
    "remainder": lambda library, x: library.remainder(x, 0.75),
}
ORDERS = [(1, 0, 2), (2, 1, 0), (0, 2, 1), (1, 2, 0), (0, 1, 2)]


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("order", ORDERS)
def test_as_in_pytorch(name, order):
    values, slope = RNG.standard_normal((5, 33, 19)), RNG.standard_normal((5, 33, 19)).transpose(order)
    x, t = pydl.tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    y, want = OPERATIONS[name](pydl, x.permute(order)), OPERATIONS[name](torch, t.permute(order))
    assert tuple(step // 8 for step in y.detach().numpy().strides) == want.stride()
    np.testing.assert_allclose(y.detach().numpy(), want.detach().numpy(), 1e-12)
    y.backward(pydl.tensor(slope))
    want.backward(torch.tensor(slope))
    np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), 1e-12, 1e-15)
    assert x.grad.numpy().flags.c_contiguous
    np.testing.assert_array_equal(y.detach().reshape(-1).numpy(), y.detach().numpy().reshape(-1))


def test_row_by_row_where_inputs_differ_or_have_gaps():
    a = pydl.tensor(RNG.standard_normal((6, 8)).astype(np.float32))
    b = pydl.tensor(RNG.standard_normal((8, 6)).astype(np.float32))
    for y in (a.T + b, b + a.T, pydl.relu(a.T[::2]), pydl.relu(a.flip(0)[:, ::2].T), pydl.exp(a[:, :1].expand(6, 3))):
        assert y.numpy().flags.c_contiguous
    assert pydl.relu(a[:0].T).shape == (8, 0)
    np.testing.assert_array_equal((a.T + b).numpy(), a.numpy().T + b.numpy())


def test_recorded_steps_compute_the_same():
    class Turned(pydl.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = pydl.nn.Linear(7, 6), pydl.nn.Linear(5, 4)

        def forward(self, x):
            h = pydl.tanh(self.first(x)).transpose(1, 2) * 2.0
            return self.second(pydl.relu(h + 1.0)).sum()

    model, x = Turned(), pydl.tensor(RNG.standard_normal((3, 5, 7)).astype(np.float32))
    want = model(x).detach().item()
    with pydl.no_grad():
        replayed = pydl.capture(model.eval())
        replayed(x)
        assert replayed(x).item() == pytest.approx(want, 1e-6)


def test_a_gradient_that_moves_in_is_nobody_elses():
    x = pydl.zeros(4, 6, requires_grad=True)
    g = pydl.ones(24)
    x.reshape(-1).backward(g)
    x.grad.zero_()
    assert g.sum().item() == 24
    x.grad, y = None, pydl.zeros(24, requires_grad=True)
    (x.reshape(-1) + y.reshape(4, 6).reshape(24)).backward(g)
    x.grad.zero_()
    assert y.grad.sum().item() == 24
    z = (x * 3.0).reshape(-1)
    z.retain_grad()
    z.sum().backward()
    assert z.grad.sum().item() == 24
    assert x.grad.sum().item() == 72
