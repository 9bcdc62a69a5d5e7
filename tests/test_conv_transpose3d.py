import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl.ops.conv_transpose3d import conv_transpose3d, conv_transpose3d_forward


def randn(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape)


@pytest.mark.parametrize("kernel", [conv_transpose3d_forward], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=40)


def test_worked_by_hand():
    x = pydl.tensor([[[[[1.0]], [[2.0]]]]], requires_grad=True)
    w = pydl.tensor([[[[[10.0, 20.0]], [[100.0, 200.0]]]]], requires_grad=True)
    y = conv_transpose3d(x, w, pydl.tensor([0.5]))
    assert y.tolist() == [[[[[10.5, 20.5]], [[120.5, 240.5]], [[200.5, 400.5]]]]]
    y.backward(np.array([[[[[1.0, 2.0]], [[3.0, 4.0]], [[5.0, 6.0]]]]]))
    assert x.grad.tolist() == [[[[[1150.0]], [[1810.0]]]]]
    assert w.grad.tolist() == [[[[[7.0, 10.0]], [[13.0, 16.0]]]]]


CASES = [
    # input, weight, settings
    ((3, 8, 3, 5, 7), (8, 16, 3, 3, 3), {}),
    ((2, 6, 4, 5, 4), (6, 10, 3, 5, 4), {"stride": 2, "padding": 1, "groups": 2, "output_padding": 1}),
    ((2, 16, 3, 4, 5), (16, 1, 3, 5, 3), {"groups": 16, "dilation": 3, "stride": 2, "output_padding": 2}),
    ((1, 40, 4, 5, 6), (40, 24, 2, 2, 2), {"stride": 2}),
    ((7, 3, 4, 5), (7, 5, 2, 2, 2), {"padding": 1}),
    ((0, 3, 4, 4, 4), (3, 5, 3, 3, 3), {}),
]


@pytest.mark.parametrize(("shape", "filters", "settings"), CASES, ids=str)
def test_torch(shape, filters, settings):
    torch = pytest.importorskip("torch")
    b = randn(filters[1] * settings.get("groups", 1))
    check_torch(
        lambda x, w, b: conv_transpose3d(x, w, b, **settings),
        lambda x, w, b: torch.nn.functional.conv_transpose3d(x, w, b, **settings),
        randn(*shape),
        randn(*filters),
        b,
    )


@pytest.mark.parametrize(
    ("shape", "filters", "settings"),
    [
        ((1, 2, 2, 3, 2), (2, 2, 2, 3, 2), {}),
        (
            (1, 2, 2, 2, 3),
            (2, 1, 2, 2, 2),
            {"groups": 2, "stride": (2, 1, 2), "padding": 1, "dilation": 3, "output_padding": (2, 0, 1)},
        ),
    ],
    ids=str,
)
def test_gradient(shape, filters, settings):
    b = randn(filters[1] * settings.get("groups", 1))
    check_gradient(lambda x, w, b: conv_transpose3d(x, w, b, **settings), randn(*shape), randn(*filters), b)


def test_without_bias_and_for_some_gradients_only():
    x, w = randn(*CASES[0][0]), randn(*CASES[0][1])
    leaf = pydl.tensor(w, requires_grad=True)
    y = conv_transpose3d(x, leaf)
    y.sum().backward()
    assert leaf.grad.shape == w.shape
    b = pydl.tensor(randn(y.shape[1]), requires_grad=True)
    conv_transpose3d(x, w, b).sum().backward()
    np.testing.assert_allclose(b.grad.numpy(), y[:, 0].detach().numpy().size)


def test_any_strides():
    x, w = randn(*CASES[0][0]), randn(*CASES[0][1])
    x.flags.writeable = w.flags.writeable = False
    want = conv_transpose3d(x[..., ::-1].copy(), w[..., ::-1].copy()).numpy()
    np.testing.assert_allclose(conv_transpose3d(x[..., ::-1], w[..., ::-1]).numpy(), want, rtol=1e-12, atol=1e-12)


X, W = np.zeros((2, 4, 6, 6, 6), np.float32), np.zeros((4, 3, 3, 3, 3), np.float32)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"stride": 0}, ValueError, "conv_transpose3d: stride must be at least 1, not 0"),
        ({"stride": 1.5}, TypeError, "conv_transpose3d: stride must be an integer, not 1.5"),
        ({"dilation": 0}, ValueError, "conv_transpose3d: dilation must be at least 1, not 0"),
        ({"padding": -1}, ValueError, "conv_transpose3d: padding must be at least 0, not -1"),
        (
            {"padding": (0, 0, 0, 0)},
            ValueError,
            "conv_transpose3d: padding must be one integer or three, not (0, 0, 0, 0)",
        ),
        ({"groups": 0}, ValueError, "conv_transpose3d: groups must be at least 1, not 0"),
        ({"bias": np.zeros(9, np.float32)}, ValueError, "conv_transpose3d: bias must have shape (3,) for the weight"),
        (
            {"input": X[0, 0]},
            ValueError,
            "conv_transpose3d: input must be (N, C, D, H, W) or (C, D, H, W), but has shape",
        ),
        ({"input": X[:, :3]}, ValueError, "conv_transpose3d: weight has 4 input channels but input has 3 (input"),
        ({"input": X.astype(np.float64)}, TypeError, "conv_transpose3d: weight is float32 but input is float64"),
        ({"input": X.astype(int)}, TypeError, "conv_transpose3d: input has dtype int64 but must be float32 or float64"),
        ({"weight": W[:, :0]}, ValueError, "conv_transpose3d: weight has a dimension of size 0"),
        ({"groups": 3}, ValueError, "conv_transpose3d: input has 4 channels, which groups=3 does not divide"),
        (
            {"output_padding": 1},
            ValueError,
            "conv_transpose3d: output_padding is (1, 1, 1) but must be smaller than stride (1, 1, 1) or dilation",
        ),
        ({"padding": 5}, ValueError, "conv_transpose3d: the result would have the shape (2, 3, -2, -2, -2)"),
        ({"padding": "same"}, TypeError, "conv_transpose3d: padding must be an integer, not 'same'"),
    ],
)
def test_refuses(arguments, error, message):
    with pytest.raises(error) as raised:
        conv_transpose3d(**{"input": X, "weight": W} | arguments)
    assert message in str(raised.value)
