import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.ops import alpha_dropout, dropout1d, dropout2d, selu


@pytest.mark.parametrize(("drop", "shape"), [(dropout1d, (50, 40, 3)), (dropout2d, (50, 40, 3, 2))])
def test_whole_channels(drop, shape):
    pydl.manual_seed(0)
    x = pydl.ones(*shape)
    x.requires_grad = True
    y = drop(x, 0.25)
    flat = y.detach().numpy().reshape(50, 40, -1)
    assert set(np.unique(flat)) == {0.0, np.float32(1 / 0.75)}
    assert (flat == flat[:, :, :1]).all(), "a channel is dropped as a whole"
    assert abs((flat == 0).mean() - 0.25) < 0.03
    y.backward(np.ones(shape, np.float32))
    np.testing.assert_array_equal(x.grad.numpy(), y.detach().numpy())
    assert drop(x, 0.25, False) is x


def test_alpha_dropout_keeps_mean_and_variance():
    pydl.manual_seed(0)
    x = np.random.default_rng(0).standard_normal(200_000)
    for values in (x, selu(x).numpy()):
        y = alpha_dropout(values, 0.2, True).numpy()
        assert abs(y.mean()) < 0.02
        assert abs(y.var() - 1) < 0.03
    assert alpha_dropout(x, 0.2).numpy() is x


def test_inverted_dropout_and_weights_multiplied_at_test_time_are_one():
    """Train with x mask / (1 - p) and test with w, or train with x mask and test with (1 - p) w: either way what a net
    says when tested is the mean of what it says in training, and with weights 1 - p apart both nets are the same."""
    pydl.manual_seed(0)
    p, layer, x = 0.4, nn.Linear(6, 3), np.random.default_rng(1).standard_normal((1, 6)).astype(np.float32)
    inputs = np.repeat(x, 20_000, 0)
    inverted = nn.functional.dropout(inputs, p, True)
    plain = inverted * (1 - p)
    with pydl.no_grad():
        trained_inverted, trained_plain = layer(inverted).numpy().mean(0), layer(plain).numpy().mean(0)
        tested_inverted = layer(x).numpy()[0]
        tested_plain = (nn.functional.linear(x, layer.weight * (1 - p)) + layer.bias).numpy()[0]
    np.testing.assert_allclose(trained_inverted, tested_inverted, atol=0.02)
    np.testing.assert_allclose(trained_plain, tested_plain, atol=0.02)
    again = nn.functional.linear(plain, layer.weight * (1 / (1 - p))) + layer.bias
    np.testing.assert_allclose(again.detach().numpy(), layer(inverted).detach().numpy(), atol=1e-5)


def test_refuses():
    with pytest.raises(ValueError, match=r"dropout2d: input must be \(N, C, H, W\) or \(C, H, W\), but has"):
        dropout2d(np.ones((2, 3)))
    with pytest.raises(ValueError, match="alpha_dropout: p must be from 0 to 1, not 2"):
        alpha_dropout(np.ones(3), 2)
