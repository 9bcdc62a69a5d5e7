"""What the tests of the convolutions and the transposed convolutions share; a test gives the operation."""

import numpy as np
from checks import check_gradient, check_torch, torch

import pydl


def randn(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape)


def operands(conv, shape, filters, settings):
    """Input, weight and bias."""
    features = filters[1] * settings.get("groups", 1) if "transpose" in conv.name else filters[0]
    return randn(*shape), randn(*filters), randn(features)


def check_against_torch(conv, shape, filters, settings):
    torch_conv = getattr(torch.nn.functional, conv.name)
    arrays = operands(conv, shape, filters, settings)
    check_torch(lambda x, w, b: conv(x, w, b, **settings), lambda x, w, b: torch_conv(x, w, b, **settings), *arrays)


def check_convolution_gradient(conv, shape, filters, settings):
    check_gradient(lambda x, w, b: conv(x, w, b, **settings), *operands(conv, shape, filters, settings))


def check_some_gradients_only(conv, shape, filters):
    """Without a bias, and with a gradient of the weight alone or of the bias alone."""
    x, w, _ = operands(conv, shape, filters, {})
    leaf = pydl.tensor(w, requires_grad=True)
    y = conv(x, leaf)
    y.sum().backward()
    assert leaf.grad.shape == w.shape
    b = pydl.tensor(randn(y.shape[1]), requires_grad=True)
    conv(x, w, b).sum().backward()
    np.testing.assert_allclose(b.grad.numpy(), y[:, 0].detach().numpy().size)


def check_any_strides(conv, shape, filters):
    """Reversed arrays that must not be written."""
    x, w = randn(*shape), randn(*filters)
    x.flags.writeable = w.flags.writeable = False
    want = conv(x[..., ::-1].copy(), w[..., ::-1].copy()).numpy()
    np.testing.assert_allclose(conv(x[..., ::-1], w[..., ::-1]).numpy(), want, rtol=1e-12, atol=1e-12)


def wrong_arguments(x, w, features, layout, integers):
    """Changes to the input x and the weight w that all refuse, with the error and a part of its message.

    features: how many the bias needs; layout: of the input; integers: how many a setting may be.
    """
    return [
        ({"stride": 0}, ValueError, "stride must be at least 1, not 0"),
        ({"stride": 1.5}, TypeError, "stride must be an integer, not 1.5"),
        ({"dilation": 0}, ValueError, "dilation must be at least 1, not 0"),
        ({"padding": -1}, ValueError, "padding must be at least 0, not -1"),
        ({"padding": (0, 0, 0, 0)}, ValueError, f"padding must be {integers}, not (0, 0, 0, 0)"),
        ({"groups": 0}, ValueError, "groups must be at least 1, not 0"),
        ({"bias": np.zeros(9, np.float32)}, ValueError, f"bias must have shape ({features},) for the weight"),
        ({"input": x[0, 0]}, ValueError, f"input must be {layout}, but has shape"),
        ({"input": x[:, :3]}, ValueError, "weight has 4 input channels but input has 3 (input"),
        ({"input": x.astype(np.float64)}, TypeError, "weight is float32 but input is float64"),
        ({"input": x.astype(int)}, TypeError, "input has dtype int64 but must be float32 or float64"),
        ({"weight": w[:, :0]}, ValueError, "weight has a dimension of size 0"),
    ]


def wrong_for_convolutions(dims):
    """Those that only the convolutions refuse."""
    stride = (2,) * dims
    return [
        ({"groups": 4}, ValueError, "weight has 6 output channels, which groups=4 does not divide"),
        ({"padding": "full"}, ValueError, "padding must be 'valid', 'same' or integers, not 'full'"),
        ({"padding": "same", "stride": 2}, ValueError, f"padding='same' needs stride 1, but stride is {stride}"),
    ]


def wrong_for_transposed(dims):
    """Those that only the transposed convolutions refuse."""
    ones, cut = (1,) * dims, (2, 3, *(-2,) * dims)
    too_much = f"output_padding is {ones} but must be smaller than stride {ones} or dilation"
    return [
        ({"groups": 3}, ValueError, "input has 4 channels, which groups=3 does not divide"),
        ({"output_padding": 1}, ValueError, too_much),
        ({"padding": 5}, ValueError, f"the result would have the shape {cut}"),
        ({"padding": "same"}, TypeError, "padding must be an integer, not 'same'"),
    ]
