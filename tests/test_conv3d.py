import numpy as np
import pytest
from checks import check_gradient, check_kernel, check_torch

import pydl
from pydl.ops.conv3d import conv3d, conv3d_forward, conv3d_input_gradient, conv3d_weight_gradient


def randn(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape)


@pytest.mark.parametrize(
    "kernel", [conv3d_forward, conv3d_input_gradient, conv3d_weight_gradient], ids=lambda k: k.name
)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=40)


def test_worked_by_hand():
    x = pydl.tensor([[[[[1.0, 2.0]], [[3.0, 4.0]]]]], requires_grad=True)
    w = pydl.tensor([[[[[10.0]], [[100.0]]]]], requires_grad=True)
    y = conv3d(x, w, pydl.tensor([0.5]))
    assert y.tolist() == [[[[[310.5, 420.5]]]]]
    y.backward(np.array([[[[[1.0, 2.0]]]]]))
    assert x.grad.tolist() == [[[[[10.0, 20.0]], [[100.0, 200.0]]]]]
    assert w.grad.tolist() == [[[[[5.0]], [[11.0]]]]]


CASES = [
    # input, weight, settings
    ((2, 8, 5, 7, 6), (16, 8, 3, 3, 3), {}),
    ((2, 8, 5, 7, 6), (16, 8, 3, 3, 3), {"padding": 1}),
    ((2, 6, 9, 8, 7), (10, 3, 3, 4, 2), {"stride": 2, "padding": 1, "groups": 2}),
    ((2, 16, 6, 5, 7), (16, 1, 3, 3, 3), {"groups": 16, "dilation": 2, "padding": "same"}),
    ((1, 1, 20, 20, 20), (32, 1, 5, 5, 5), {"stride": (1, 2, 2)}),
    ((7, 7, 5, 6), (5, 7, 2, 2, 2), {"padding": 1}),
    ((1, 20, 8, 8, 8), (24, 20, 1, 1, 1), {}),
    ((1, 20, 8, 8, 8), (24, 20, 1, 3, 3), {"padding": (0, 1, 1)}),
    ((2, 3, 6, 5, 40), (7, 3, 3, 1, 5), {"stride": (3, 1, 2), "padding": "valid"}),
    ((0, 3, 5, 5, 5), (5, 3, 3, 3, 3), {}),
]


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # PyTorch's, on how it pads
@pytest.mark.parametrize(("shape", "filters", "settings"), CASES, ids=str)
def test_torch(shape, filters, settings):
    torch = pytest.importorskip("torch")
    b = randn(filters[0])
    check_torch(
        lambda x, w, b: conv3d(x, w, b, **settings),
        lambda x, w, b: torch.nn.functional.conv3d(x, w, b, **settings),
        randn(*shape),
        randn(*filters),
        b,
    )


@pytest.mark.parametrize(
    ("shape", "filters", "settings"),
    [
        ((1, 2, 3, 2, 3), (2, 2, 2, 2, 2), {}),
        ((1, 2, 4, 3, 4), (2, 1, 2, 2, 2), {"groups": 2, "stride": (2, 1, 2), "padding": 1, "dilation": (1, 2, 1)}),
    ],
    ids=str,
)
def test_gradient(shape, filters, settings):
    b = randn(filters[0])
    check_gradient(lambda x, w, b: conv3d(x, w, b, **settings), randn(*shape), randn(*filters), b)


def test_without_bias_and_for_some_gradients_only():
    x, w = randn(*CASES[0][0]), randn(*CASES[0][1])
    leaf = pydl.tensor(w, requires_grad=True)
    y = conv3d(x, leaf)
    y.sum().backward()
    assert leaf.grad.shape == w.shape
    b = pydl.tensor(randn(y.shape[1]), requires_grad=True)
    conv3d(x, w, b).sum().backward()
    np.testing.assert_allclose(b.grad.numpy(), y[:, 0].detach().numpy().size)


def test_any_strides():
    x, w = randn(*CASES[0][0]), randn(*CASES[0][1])
    x.flags.writeable = w.flags.writeable = False
    want = conv3d(x[..., ::-1].copy(), w[..., ::-1].copy()).numpy()
    np.testing.assert_allclose(conv3d(x[..., ::-1], w[..., ::-1]).numpy(), want, rtol=1e-12, atol=1e-12)


X, W = np.zeros((2, 4, 6, 6, 6), np.float32), np.zeros((6, 4, 3, 3, 3), np.float32)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"stride": 0}, ValueError, "conv3d: stride must be at least 1, not 0"),
        ({"stride": 1.5}, TypeError, "conv3d: stride must be an integer, not 1.5"),
        ({"dilation": 0}, ValueError, "conv3d: dilation must be at least 1, not 0"),
        ({"padding": -1}, ValueError, "conv3d: padding must be at least 0, not -1"),
        ({"padding": (0, 0, 0, 0)}, ValueError, "conv3d: padding must be one integer or three, not (0, 0, 0, 0)"),
        ({"groups": 0}, ValueError, "conv3d: groups must be at least 1, not 0"),
        ({"bias": np.zeros(9, np.float32)}, ValueError, "conv3d: bias must have shape (6,) for the weight"),
        ({"input": X[0, 0]}, ValueError, "conv3d: input must be (N, C, D, H, W) or (C, D, H, W), but has shape"),
        ({"input": X[:, :3]}, ValueError, "conv3d: weight has 4 input channels but input has 3 (input"),
        ({"input": X.astype(np.float64)}, TypeError, "conv3d: weight is float32 but input is float64"),
        ({"input": X.astype(int)}, TypeError, "conv3d: input has dtype int64 but must be float32 or float64"),
        ({"weight": W[:, :0]}, ValueError, "conv3d: weight has a dimension of size 0"),
        ({"groups": 4}, ValueError, "conv3d: weight has 6 output channels, which groups=4 does not divide"),
        ({"dilation": 4}, ValueError, "conv3d: weight covers 9 voxels in depth but the padded input has 6"),
        ({"padding": "full"}, ValueError, "conv3d: padding must be 'valid', 'same' or integers, not 'full'"),
        (
            {"padding": "same", "stride": 2},
            ValueError,
            "conv3d: padding='same' needs stride 1, but stride is (2, 2, 2)",
        ),
    ],
)
def test_refuses(arguments, error, message):
    with pytest.raises(error) as raised:
        conv3d(**{"input": X, "weight": W} | arguments)
    assert message in str(raised.value)
