import math

import numpy as np
import pytest

import pydl
from pydl.nn import init

SHAPE = (60, 20, 5, 5)  # fan_in 500, fan_out 1500
NORMAL = [
    (lambda w: init.normal_(w), 0.0, 1.0),
    (lambda w: init.normal_(w, 3.0, 0.5), 3.0, 0.5),
    (lambda w: init.xavier_normal_(w, gain=2.0), 0.0, 2 * math.sqrt(2 / 2000)),
    (lambda w: init.kaiming_normal_(w, nonlinearity="relu"), 0.0, math.sqrt(2 / 500)),
    (lambda w: init.kaiming_normal_(w, mode="fan_out", nonlinearity="tanh"), 0.0, 5 / 3 / math.sqrt(1500)),
]
UNIFORM = [
    (lambda w: init.uniform_(w), 0.0, 1.0),
    (lambda w: init.uniform_(w, -3.0, 5.0), -3.0, 5.0),
    (lambda w: init.xavier_uniform_(w), -math.sqrt(6 / 2000), math.sqrt(6 / 2000)),
    (lambda w: init.kaiming_uniform_(w, a=math.sqrt(5)), -1 / math.sqrt(500), 1 / math.sqrt(500)),
]


def weight(dtype=np.float32):
    return pydl.nn.Parameter(np.full(SHAPE, np.nan, dtype))


@pytest.mark.parametrize(("fill", "mean", "std"), NORMAL)
def test_normal(fill, mean, std):
    pydl.manual_seed(0)
    w = weight()
    assert fill(w) is w
    values = (w.detach().numpy().astype(np.float64).ravel() - mean) / std
    n = values.size
    assert abs(values.mean()) < 4 / math.sqrt(n)
    assert abs(values.var() - 1) < 4 * math.sqrt(2 / n)
    assert abs((values**4).mean() - 3) < 4 * math.sqrt(96 / n)  # tells the normal distribution from a uniform one


@pytest.mark.parametrize(("fill", "low", "high"), UNIFORM)
def test_uniform(fill, low, high):
    pydl.manual_seed(0)
    values = (fill(weight(np.float64)).detach().numpy().ravel() - low) / (high - low)
    n = values.size
    assert 0 <= values.min() < 10 / n
    assert 1 - 10 / n < values.max() <= 1
    assert abs(values.mean() - 0.5) < 4 * math.sqrt(1 / 12 / n)


def test_constants():
    w = weight()
    for fill, value in [(init.zeros_, 0), (init.ones_, 1), (lambda t: init.constant_(t, 2.5), 2.5)]:
        assert (fill(w).detach().numpy() == value).all()


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 2, 3), (0, 3)])
def test_orthogonal(shape):
    w = init.orthogonal_(pydl.zeros(shape, dtype=np.float64), gain=2.0).numpy().reshape(shape[0], math.prod(shape[1:]))
    short = w if w.shape[0] <= w.shape[1] else w.T
    np.testing.assert_allclose(short @ short.T, 4 * np.eye(len(short)), atol=1e-12)


def test_seed_means_the_same_in_both_dtypes():
    for fill, *_ in NORMAL + UNIFORM:
        pydl.manual_seed(3)
        single = fill(weight(np.float32)).detach().numpy()
        pydl.manual_seed(3)
        np.testing.assert_array_equal(single, fill(weight(np.float64)).detach().numpy().astype(np.float32))


def test_counts_as_a_change():
    w = weight()
    before = w.version.count
    init.normal_(w)
    assert w.version.count == before + 1
    assert w.requires_grad


def test_gains_are_those_of_torch():
    torch = pytest.importorskip("torch")
    for name in ("linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
        assert init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name))
    assert init.calculate_gain("leaky_relu", 0.3) == pytest.approx(torch.nn.init.calculate_gain("leaky_relu", 0.3))


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (lambda: init.xavier_uniform_(pydl.zeros(3)), r"xavier_uniform_: tensor must have at least 2 dimensions"),
        (lambda: init.orthogonal_(pydl.zeros(3)), r"orthogonal_: tensor must have at least 2 dimensions .* \(3,\)"),
        (lambda: init.kaiming_normal_(pydl.zeros(3, 3), mode="fan"), "mode must be 'fan_in' or 'fan_out', not 'fan'"),
        (lambda: init.calculate_gain("swish"), "calculate_gain: nonlinearity must be 'linear', .* not 'swish'"),
        (lambda: init.reset_([pydl.zeros(3)], 3, "xavier"), "init: must be None .* or 'notes' .*, not 'xavier'"),
    ],
)
def test_refuses(fill, message):
    with pytest.raises(ValueError, match=message):
        fill()
