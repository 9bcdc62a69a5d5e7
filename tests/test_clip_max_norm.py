"""Max-norm constraints and L1 and L2 penalties on weights."""

import numpy as np
import pytest
from checks import check_gradient, check_refused

import pydl
from pydl import nn
from pydl.optim import clip_max_norm_, l1_penalty, l2_penalty


def test_worked_by_hand():
    layer = nn.Linear(2, 3)
    layer.weight.data[...] = [[3, 4], [0.3, 0.4], [0, 0]]
    layer.bias.data[...] = 9
    version = layer.weight.version.count
    clip_max_norm_(layer.parameters(), 2.5)
    np.testing.assert_allclose(layer.weight.data, [[1.5, 2], [0.3, 0.4], [0, 0]], rtol=1e-6)
    assert layer.bias.tolist() == [9, 9, 9]
    assert layer.weight.version.count > version
    clip_max_norm_(layer.weight, 1.5, np.inf)
    np.testing.assert_allclose(layer.weight.data[0], [1.125, 1.5], rtol=1e-6)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_units_of_filters(p):
    w = pydl.tensor(np.random.default_rng(0).standard_normal((4, 3, 2, 2)))
    before = np.linalg.norm(w.data.reshape(4, -1), p, 1)
    clip_max_norm_([w], float(before.mean()), p)
    np.testing.assert_allclose(np.linalg.norm(w.data.reshape(4, -1), p, 1), np.minimum(before, before.mean()))


def test_penalties():
    a, b = np.array([[1.0, -2.0]]), np.array([3.0])
    assert l1_penalty([pydl.tensor(a), pydl.tensor(b)], 0.5).item() == 3.0
    assert l2_penalty([pydl.tensor(a), pydl.tensor(b)], 0.5).item() == 7.0
    check_gradient(lambda a, b: l1_penalty([a, b], 0.3) + l2_penalty([a, b], 0.2), a, b)


def test_l1_makes_weights_zero_that_nothing_needs():
    x = np.random.default_rng(0).standard_normal((200, 4)).astype(np.float32)
    model = nn.Linear(4, 1)
    optimizer = pydl.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(200):
        loss = nn.functional.mse_loss(model(x), x[:, :1] * 2) + l1_penalty(model.weight, 0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    needed, *others = np.abs(model.weight.data[0])
    assert needed > 1.8
    assert max(others) < 0.02


def test_refuses():
    check_refused(lambda: clip_max_norm_(nn.Linear(2, 2).parameters(), -1), ValueError,
                  "clip_max_norm_: max_norm must be at least 0, not -1")  # fmt: skip
    check_refused(lambda: l1_penalty([1.0], 0.1), TypeError, "l1_penalty: parameters must be Tensors of float32 or")
    check_refused(
        lambda: l2_penalty([], 0.1), ValueError, "l2_penalty: parameters is empty; give it model.parameters()"
    )
    check_refused(
        lambda: l2_penalty([pydl.ones(1)], None), TypeError, "l2_penalty: strength must be a number, not None"
    )
