import numpy as np
import pytest
from checks import check_gradient, check_torch

import pydl
from pydl.ops.conv_transpose1d import conv_transpose1d


def randn(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape)


def test_worked_by_hand():
    x = pydl.tensor([[[1.0, 2.0]]], requires_grad=True)
    w = pydl.tensor([[[10.0, 100.0, 1000.0]]], requires_grad=True)
    y = conv_transpose1d(x, w, pydl.tensor([0.5]), stride=2)
    assert y.tolist() == [[[10.5, 100.5, 1020.5, 200.5, 2000.5]]]
    y.backward(np.array([[[1.0, 2.0, 3.0, 4.0, 5.0]]]))
    assert x.grad.tolist() == [[[3210.0, 5430.0]]]
    assert w.grad.tolist() == [[[7.0, 10.0, 13.0]]]


CASES = [
    # input, weight, settings
    ((3, 8, 50), (8, 16, 3), {}),
    ((2, 6, 30), (6, 10, 5), {"stride": 2, "padding": 1, "groups": 2, "output_padding": 1}),
    ((2, 16, 31), (16, 1, 5), {"groups": 16, "dilation": 3, "stride": 2, "output_padding": 2}),
    ((4, 32, 100), (32, 1, 9), {"stride": 4}),
    ((7, 7), (7, 5, 2), {"padding": 1}),
    ((1, 40, 70), (40, 64, 4), {"padding": 1, "stride": 2}),
    ((2, 9, 40), (9, 4, 3), {"stride": (3,), "dilation": (2,)}),
    ((0, 3, 9), (3, 5, 3), {}),
]


@pytest.mark.parametrize(("shape", "filters", "settings"), CASES, ids=str)
def test_torch(shape, filters, settings):
    torch = pytest.importorskip("torch")
    b = randn(filters[1] * settings.get("groups", 1))
    check_torch(
        lambda x, w, b: conv_transpose1d(x, w, b, **settings),
        lambda x, w, b: torch.nn.functional.conv_transpose1d(x, w, b, **settings),
        randn(*shape),
        randn(*filters),
        b,
    )


@pytest.mark.parametrize(
    ("shape", "filters", "settings"),
    [
        ((2, 2, 4), (2, 3, 3), {}),
        ((1, 4, 5), (4, 2, 2), {"groups": 2, "stride": 2, "padding": 1, "dilation": 3, "output_padding": 2}),
    ],
    ids=str,
)
def test_gradient(shape, filters, settings):
    b = randn(filters[1] * settings.get("groups", 1))
    check_gradient(lambda x, w, b: conv_transpose1d(x, w, b, **settings), randn(*shape), randn(*filters), b)


def test_without_bias_and_for_some_gradients_only():
    x, w = randn(*CASES[0][0]), randn(*CASES[0][1])
    leaf = pydl.tensor(w, requires_grad=True)
    y = conv_transpose1d(x, leaf)
    y.sum().backward()
    assert leaf.grad.shape == w.shape
    b = pydl.tensor(randn(y.shape[1]), requires_grad=True)
    conv_transpose1d(x, w, b).sum().backward()
    np.testing.assert_allclose(b.grad.numpy(), y[:, 0].detach().numpy().size)


def test_any_strides():
    x, w = randn(*CASES[0][0]), randn(*CASES[0][1])
    x.flags.writeable = w.flags.writeable = False
    want = conv_transpose1d(x[..., ::-1].copy(), w[..., ::-1].copy()).numpy()
    np.testing.assert_allclose(conv_transpose1d(x[..., ::-1], w[..., ::-1]).numpy(), want, rtol=1e-12, atol=1e-12)


X, W = np.zeros((2, 4, 6), np.float32), np.zeros((4, 3, 3), np.float32)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"stride": 0}, ValueError, "conv_transpose1d: stride must be at least 1, not 0"),
        ({"stride": 1.5}, TypeError, "conv_transpose1d: stride must be an integer, not 1.5"),
        ({"dilation": 0}, ValueError, "conv_transpose1d: dilation must be at least 1, not 0"),
        ({"padding": -1}, ValueError, "conv_transpose1d: padding must be at least 0, not -1"),
        ({"padding": (0, 0, 0, 0)}, ValueError, "conv_transpose1d: padding must be one integer, not (0, 0, 0, 0)"),
        ({"groups": 0}, ValueError, "conv_transpose1d: groups must be at least 1, not 0"),
        ({"bias": np.zeros(9, np.float32)}, ValueError, "conv_transpose1d: bias must have shape (3,) for the weight"),
        ({"input": X[0, 0]}, ValueError, "conv_transpose1d: input must be (N, C, L) or (C, L), but has shape"),
        ({"input": X[:, :3]}, ValueError, "conv_transpose1d: weight has 4 input channels but input has 3 (input"),
        ({"input": X.astype(np.float64)}, TypeError, "conv_transpose1d: weight is float32 but input is float64"),
        ({"input": X.astype(int)}, TypeError, "conv_transpose1d: input has dtype int64 but must be float32 or float64"),
        ({"weight": W[:, :0]}, ValueError, "conv_transpose1d: weight has a dimension of size 0"),
        ({"groups": 3}, ValueError, "conv_transpose1d: input has 4 channels, which groups=3 does not divide"),
        (
            {"output_padding": 1},
            ValueError,
            "conv_transpose1d: output_padding is (1,) but must be smaller than stride (1,) or dilation",
        ),
        ({"padding": 5}, ValueError, "conv_transpose1d: the result would have the shape (2, 3, -2)"),
        ({"padding": "same"}, TypeError, "conv_transpose1d: padding must be an integer, not 'same'"),
    ],
)
def test_refuses(arguments, error, message):
    with pytest.raises(error) as raised:
        conv_transpose1d(**{"input": X, "weight": W} | arguments)
    assert message in str(raised.value)
