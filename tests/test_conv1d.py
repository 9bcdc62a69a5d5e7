import numpy as np
import pytest
from checks import check_gradient, check_torch

import pydl
from pydl.ops.conv1d import conv1d


def randn(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape)


def test_worked_by_hand():
    x = pydl.tensor([[[1.0, 2.0, 3.0]]], requires_grad=True)
    w = pydl.tensor([[[10.0, 100.0]]], requires_grad=True)
    y = conv1d(x, w, pydl.tensor([0.5]))
    assert y.tolist() == [[[210.5, 320.5]]]
    y.backward(np.array([[[1.0, 2.0]]]))
    assert w.grad.tolist() == [[[5.0, 8.0]]]
    assert x.grad.tolist() == [[[10.0, 120.0, 200.0]]]


CASES = [
    # input, weight, settings
    ((3, 8, 50), (16, 8, 3), {}),
    ((2, 6, 300), (20, 3, 5), {"stride": 2, "padding": 3, "groups": 2}),
    ((2, 16, 31), (16, 1, 5), {"groups": 16, "padding": "same", "dilation": 2}),
    ((4, 1, 1000), (32, 1, 9), {"stride": 4}),
    ((5, 7), (4, 5, 2), {"padding": 1}),
    ((1, 40, 700), (64, 40, 3), {"padding": "valid"}),
    ((2, 9, 40), (4, 9, 3), {"stride": (3,), "dilation": (2,)}),
    ((0, 3, 9), (5, 3, 3), {}),
]


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # PyTorch's, on how it pads
@pytest.mark.parametrize(("shape", "filters", "settings"), CASES, ids=str)
def test_torch(shape, filters, settings):
    torch = pytest.importorskip("torch")
    b = randn(filters[0])
    check_torch(
        lambda x, w, b: conv1d(x, w, b, **settings),
        lambda x, w, b: torch.nn.functional.conv1d(x, w, b, **settings),
        randn(*shape),
        randn(*filters),
        b,
    )


@pytest.mark.parametrize(
    ("shape", "filters", "settings"),
    [
        ((2, 2, 6), (3, 2, 3), {}),
        ((1, 4, 7), (4, 2, 2), {"groups": 2, "stride": 2, "padding": 1, "dilation": 2}),
    ],
    ids=str,
)
def test_gradient(shape, filters, settings):
    b = randn(filters[0])
    check_gradient(lambda x, w, b: conv1d(x, w, b, **settings), randn(*shape), randn(*filters), b)


def test_without_bias_and_for_some_gradients_only():
    x, w = randn(*CASES[0][0]), randn(*CASES[0][1])
    leaf = pydl.tensor(w, requires_grad=True)
    y = conv1d(x, leaf)
    y.sum().backward()
    assert leaf.grad.shape == w.shape
    b = pydl.tensor(randn(y.shape[1]), requires_grad=True)
    conv1d(x, w, b).sum().backward()
    np.testing.assert_allclose(b.grad.numpy(), y[:, 0].detach().numpy().size)


def test_any_strides():
    x, w = randn(*CASES[0][0]), randn(*CASES[0][1])
    x.flags.writeable = w.flags.writeable = False
    want = conv1d(x[..., ::-1].copy(), w[..., ::-1].copy()).numpy()
    np.testing.assert_allclose(conv1d(x[..., ::-1], w[..., ::-1]).numpy(), want, rtol=1e-12, atol=1e-12)


X, W = np.zeros((2, 4, 6), np.float32), np.zeros((6, 4, 3), np.float32)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"stride": 0}, ValueError, "conv1d: stride must be at least 1, not 0"),
        ({"stride": 1.5}, TypeError, "conv1d: stride must be an integer, not 1.5"),
        ({"dilation": 0}, ValueError, "conv1d: dilation must be at least 1, not 0"),
        ({"padding": -1}, ValueError, "conv1d: padding must be at least 0, not -1"),
        ({"padding": (0, 0, 0, 0)}, ValueError, "conv1d: padding must be one integer, not (0, 0, 0, 0)"),
        ({"groups": 0}, ValueError, "conv1d: groups must be at least 1, not 0"),
        ({"bias": np.zeros(9, np.float32)}, ValueError, "conv1d: bias must have shape (6,) for the weight"),
        ({"input": X[0, 0]}, ValueError, "conv1d: input must be (N, C, L) or (C, L), but has shape"),
        ({"input": X[:, :3]}, ValueError, "conv1d: weight has 4 input channels but input has 3 (input"),
        ({"input": X.astype(np.float64)}, TypeError, "conv1d: weight is float32 but input is float64"),
        ({"input": X.astype(int)}, TypeError, "conv1d: input has dtype int64 but must be float32 or float64"),
        ({"weight": W[:, :0]}, ValueError, "conv1d: weight has a dimension of size 0"),
        ({"groups": 4}, ValueError, "conv1d: weight has 6 output channels, which groups=4 does not divide"),
        ({"dilation": 4}, ValueError, "conv1d: weight covers 9 positions in length but the padded input has 6"),
        ({"padding": "full"}, ValueError, "conv1d: padding must be 'valid', 'same' or integers, not 'full'"),
        ({"padding": "same", "stride": 2}, ValueError, "conv1d: padding='same' needs stride 1, but stride is (2,)"),
    ],
)
def test_refuses(arguments, error, message):
    with pytest.raises(error) as raised:
        conv1d(**{"input": X, "weight": W} | arguments)
    assert message in str(raised.value)
