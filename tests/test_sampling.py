"""Random integers, orders and draws; ranges and the other new tensors."""

import numpy as np
import pytest
from checks import torch

import pydl
from pydl.nn import functional as F
from pydl.nn import init


@pytest.fixture(autouse=True)
def _seed():
    pydl.manual_seed(0)


def test_integers_and_orders():
    x = pydl.randint(3, 7, (1000,))
    assert x.dtype == np.int64
    assert set(x.tolist()) == {3, 4, 5, 6}
    assert set(pydl.randint(2, (3, 100)).numpy().ravel()) == {0, 1}
    assert sorted(pydl.randperm(50).tolist()) == list(range(50))
    assert pydl.randperm(0).shape == (0,)
    pydl.manual_seed(0)
    assert pydl.randint(3, 7, (1000,)).tolist() == x.tolist()


def test_normal():
    x = pydl.normal(2.0, 3.0, (20000,)).numpy()
    assert abs(x.mean() - 2) < 0.1
    assert abs(x.std() - 3) < 0.1
    y = pydl.normal(pydl.tensor([0.0, 100.0]), pydl.tensor([[0.0], [1.0]]))
    assert y.shape == (2, 2)
    assert y[0].tolist() == [0, 100]
    x = pydl.zeros(20000).normal_(2, 3).numpy()
    assert abs(x.mean() - 2) < 0.1
    assert pydl.zeros(100).uniform_(2, 3).numpy().min() >= 2


def test_bernoulli_and_multinomial():
    p = pydl.tensor([0.0, 0.3, 1.0])
    draws = pydl.bernoulli(p.expand(5000, 3)).numpy().mean(0)
    assert draws[0] == 0
    assert draws[2] == 1
    assert abs(draws[1] - 0.3) < 0.03
    weights = np.array([[1.0, 0.0, 3.0], [0.0, 2.0, 0.0]])
    x = pydl.multinomial(weights, 4000, replacement=True).numpy()
    assert x.shape == (2, 4000)
    assert set(x[0]) == {0, 2}
    assert set(x[1]) == {1}
    assert abs((x[0] == 2).mean() - 0.75) < 0.03
    first = [pydl.multinomial(weights[0], 2).tolist() for _ in range(2000)]
    assert {tuple(each) for each in first} == {(0, 2), (2, 0)}
    assert abs(np.mean([each[0] == 2 for each in first]) - 0.75) < 0.04


def test_gumbel_softmax():
    x = np.log(np.array([0.1, 0.2, 0.7], np.float32))
    hard = F.gumbel_softmax(np.tile(x, (5000, 1)), hard=True)
    np.testing.assert_allclose(hard.numpy().sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(hard.numpy().mean(0), [0.1, 0.2, 0.7], atol=0.03)
    t = pydl.tensor(x, requires_grad=True)
    F.gumbel_softmax(t, tau=0.5, hard=True)[0].backward()
    assert np.abs(t.grad.numpy()).max() > 0
    assert abs(t.grad.sum().item()) < 1e-6


def test_rrelu():
    x = np.full(1000, -1.0, np.float32)
    slopes = -F.rrelu(x, 0.1, 0.3, True).numpy()
    assert 0.1 <= slopes.min() <= slopes.max() <= 0.3
    assert slopes.std() > 0.03
    assert F.rrelu(x, 0.1, 0.3)[0].item() == pytest.approx(-0.2)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("linspace", (0, 1, 5)), ("linspace", (3, -2, 4)), ("linspace", (1, 2, 1)), ("linspace", (1, 2, 0)),
     ("logspace", (0, 3, 4)), ("logspace", (-1, 1, 3, 2.0)), ("eye", (3,)), ("eye", (2, 4)), ("eye", (0,))],
)  # fmt: skip
def test_new_tensors_as_in_pytorch(name, arguments):
    ours, theirs = getattr(pydl, name)(*arguments), getattr(torch, name)(*arguments).numpy()
    assert ours.dtype == theirs.dtype
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-6)
    assert getattr(pydl, name)(*arguments, dtype=pydl.float64, requires_grad=True).requires_grad


def test_empty_and_new():
    assert pydl.empty(2, 3).shape == pydl.empty((2, 3)).shape == pydl.empty_like(np.zeros((2, 3))).shape == (2, 3)
    x = pydl.ones(2, dtype=pydl.float64)
    for new in (x.new_zeros(3), x.new_ones(3), x.new_full((3,), 5), x.new_empty(3), x.new_tensor([1, 2, 3])):
        assert (new.shape, new.dtype) == ((3,), np.float64)


def test_initialisers():
    x = init.trunc_normal_(pydl.zeros(1000), 1.0, 2.0, 0.0, 2.0).numpy()
    assert 0 <= x.min() <= x.max() <= 2
    assert init.eye_(pydl.ones(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]
    for shape, groups in [((4, 3, 3), 1), ((4, 2, 3, 3), 2), ((2, 2, 1, 2, 3), 1)]:
        ours, theirs = pydl.ones(*shape), torch.ones(shape)
        np.testing.assert_array_equal(init.dirac_(ours, groups).numpy(), torch.nn.init.dirac_(theirs, groups).numpy())


def test_numbers_and_types():
    assert (pydl.float32, pydl.long, pydl.bool) == (np.float32, np.int64, np.bool_)
    assert pydl.tensor([1, 0], dtype=pydl.bool).tolist() == [True, False]
    assert pydl.pi == np.pi
    assert pydl.inf > 0


def test_recording_is_switched():
    x = pydl.ones(2, requires_grad=True)
    with pydl.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad
    with pydl.inference_mode():
        assert not (x * 2).requires_grad
    pydl.set_grad_enabled(False)
    assert not (x * 2).requires_grad
    pydl.set_grad_enabled(True)
    assert pydl.is_tensor(x)
    assert not pydl.is_tensor(x.data)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pydl.randint(3, 3, (2,)), ValueError, "randint: low is 3 but must be below high, which is 3"),
        (lambda: pydl.randint(3, 2), TypeError, "randint: size must be a tuple of integers"),
        (lambda: pydl.normal(1.0, 2.0), ValueError, "normal: size is missing, and neither mean nor std is a tensor"),
        (lambda: pydl.normal(1.0, -2.0, (2,)), ValueError, "normal: std is -2.0 but must be at least 0"),
        (lambda: pydl.bernoulli(np.array([2.0])), ValueError, "bernoulli: input must hold probabilities, from 0 to 1"),
        (
            lambda: pydl.multinomial(np.ones(2), 3),
            ValueError,
            "multinomial: 3 draws without replacement need as many we",
        ),
        (
            lambda: pydl.multinomial(np.zeros(2), 1),
            ValueError,
            "multinomial: input must hold weights of at least 0, and",
        ),
        (lambda: pydl.linspace(0, 1, -1), ValueError, "linspace: steps must be at least 0, not -1"),
        (
            lambda: pydl.ones(2, requires_grad=True).normal_(),
            RuntimeError,
            "normal_: a tensor that needs a gradient chan",
        ),
        (lambda: pydl.ones(2).to("cuda:0"), ValueError, "to: there is no device 'cuda:0'; pydl computes on the CPU"),
        (
            lambda: init.trunc_normal_(pydl.ones(2), 0, 1, 90, 91),
            ValueError,
            "trunc_normal_: numbers from 90.0 to 91.0",
        ),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
