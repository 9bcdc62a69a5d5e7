import numpy as np
import pytest

import pydl

FILLED = [(pydl.zeros, 0), (pydl.ones, 1)]
RANDOM = [pydl.rand, pydl.randn]


@pytest.mark.parametrize(("make", "value"), FILLED)
def test_zeros_and_ones(make, value):
    for x in (make(2, 3), make((2, 3)), make([2, 3])):
        assert x.tolist() == [[value] * 3] * 2
        assert x.dtype == np.float32
    assert make().shape == ()
    assert make(0, 4).shape == (0, 4)
    assert make(2, dtype=np.int64, requires_grad=False).dtype == np.int64
    assert make(2, requires_grad=True).requires_grad


def test_full():
    assert pydl.full((2,), 0.1).dtype == np.float32
    assert pydl.full((2,), 0.1, dtype=np.float64).tolist() == [0.1, 0.1]
    assert pydl.full((2,), 7).dtype == np.int64
    assert pydl.full((1, 2), True).tolist() == [[True, True]]
    assert pydl.full((), 2).item() == 2


def test_arange():
    assert pydl.arange(4).tolist() == [0, 1, 2, 3]
    assert pydl.arange(4).dtype == np.int64
    assert pydl.arange(2, 8, 3).tolist() == [2, 5]
    assert pydl.arange(0, 1, 0.25).tolist() == [0, 0.25, 0.5, 0.75]
    assert pydl.arange(0, 1, 0.25).dtype == np.float32
    assert pydl.arange(3, dtype=np.float64, requires_grad=True).requires_grad


@pytest.mark.parametrize("make", RANDOM)
def test_random_numbers(make):
    for x in (make(50, 40), make((50, 40))):
        assert x.shape == (50, 40)
        assert x.dtype == np.float32
    assert make().shape == ()
    assert make(2, dtype=np.float64).dtype == np.float64
    assert make(2, requires_grad=True).is_leaf


def test_distributions():
    pydl.manual_seed(0)
    uniform, normal = pydl.rand(100_000).numpy(), pydl.randn(100_000).numpy()
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.01
    assert abs(normal.mean()) < 0.02
    assert abs(normal.std() - 1) < 0.02


def test_the_same_seed_gives_the_same_numbers():
    def draw(seed):
        pydl.manual_seed(seed)
        return [pydl.rand(3).tolist(), pydl.randn(3).tolist(), pydl.rand_like(np.zeros(2)).tolist()]

    assert draw(3) == draw(3)
    assert draw(3) != draw(4)


def test_like():
    x = pydl.zeros(2, 3, dtype=np.float64)
    for make in (pydl.zeros_like, pydl.ones_like, pydl.rand_like, pydl.randn_like):
        for source in (x, x.data):
            y = make(source)
            assert (y.shape, y.dtype, y.requires_grad) == ((2, 3), np.float64, False)
        assert make(x, dtype=np.float32, requires_grad=True).dtype == np.float32
    assert pydl.ones_like(pydl.tensor([3, 4])).tolist() == [1, 1]
    assert pydl.full_like(pydl.tensor([3, 4]), 9).tolist() == [9, 9]
    assert pydl.full_like(x, 0.1).tolist() == [[0.1] * 3] * 2


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pydl.zeros(2, -1), ValueError, "zeros: sizes must be at least 0"),
        (lambda: pydl.ones(2.0), TypeError, "ones: a shape holds integers, not 2.0"),
        (lambda: pydl.full((2, True), 1), TypeError, "full: a shape holds integers, not True"),
        (lambda: pydl.full((2,), "x"), TypeError, "full: fill_value must be a tensor or an array, not str"),
        (lambda: pydl.zeros(2**40, 2**40), ValueError, "zeros: the shape .* has more elements than any memory holds"),
        (lambda: pydl.rand(2, dtype=np.int64), TypeError, "rand: dtype is int64 but must be float32 or float64"),
        (lambda: pydl.randn_like(pydl.tensor([1])), TypeError, "randn: dtype is int64"),
        (lambda: pydl.ones(2, dtype=np.int64, requires_grad=True), TypeError, "only floating-point tensors"),
        (lambda: pydl.manual_seed(-1), ValueError, "manual_seed: seed must be a non-negative integer"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
