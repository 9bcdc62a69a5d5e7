import sys

import convolutions
import numpy as np
import pytest
from checks import check_kernel, check_threads
from convolutions import randn

import pydl
from pydl.ops.conv2d import conv2d, conv2d_forward, conv2d_input_gradient, conv2d_weight_gradient


@pytest.mark.parametrize(
    "kernel", [conv2d_forward, conv2d_input_gradient, conv2d_weight_gradient], ids=lambda k: k.name
)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=80)


def test_worked_by_hand():
    """One 3x3 image, one 2x2 filter: z = w * x + b, and for the errors delta = dC/dz of Nielsen's chapter 6
    dC/db = sum(delta), dC/dw = x * delta, dC/dx = delta, padded by 1, * w turned by 180 degrees."""
    x = pydl.tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]]], requires_grad=True)
    w = pydl.tensor([[[[1.0, 10.0], [100.0, 1000.0]]]], requires_grad=True)
    b = pydl.tensor([0.5], requires_grad=True)
    z = conv2d(x, w, b)
    assert z.tolist() == [[[[5421.5, 6532.5], [8754.5, 9865.5]]]]
    z.backward(np.array([[[[1.0, 2.0], [3.0, 4.0]]]]))
    assert b.grad.tolist() == [10.0]
    assert w.grad.tolist() == [[[[37.0, 47.0], [67.0, 77.0]]]]
    assert x.grad.tolist() == [[[[1.0, 12.0, 20.0], [103.0, 1234.0, 2040.0], [300.0, 3400.0, 4000.0]]]]


def test_sizes_of_the_first_layer():
    """28x28 pixels, 5x5 filters that move by one pixel: 24x24 neurons for each of 20 filters."""
    assert conv2d(randn(7, 1, 28, 28), randn(20, 1, 5, 5), randn(20)).shape == (7, 20, 24, 24)


SMALL = [
    # input, weight, settings
    ((2, 2, 4, 5), (3, 2, 3, 2), {}),
    ((2, 2, 5, 4), (2, 2, 2, 3), {"stride": (2, 1), "padding": (1, 2)}),
    ((1, 4, 4, 4), (4, 1, 3, 3), {"groups": 4, "padding": "same"}),
    ((1, 2, 5, 5), (2, 1, 2, 2), {"groups": 2, "dilation": 2, "stride": 2, "padding": 1}),
    ((2, 4, 5), (2, 2, 2, 2), {"padding": "same"}),
]


@pytest.mark.parametrize(("shape", "filters", "settings"), SMALL)
def test_gradient(shape, filters, settings):
    convolutions.check_convolution_gradient(conv2d, shape, filters, settings)


LARGE = [
    ((4, 1, 28, 28), (20, 1, 5, 5), {}),
    ((3, 20, 12, 12), (40, 20, 5, 5), {}),
    ((2, 3, 33, 31), (8, 3, 7, 7), {"stride": 2, "padding": 3}),
    ((2, 16, 14, 14), (24, 16, 1, 1), {}),
    ((2, 16, 15, 14), (24, 16, 1, 1), {"stride": 2}),
    ((3, 48, 5, 7), (83, 48, 1, 1), {}),
    ((1, 83, 7, 7), (45, 83, 1, 1), {}),
    ((2, 96, 6, 9), (88, 48, 1, 1), {"groups": 2}),
    ((6, 90, 1, 1), (100, 45, 1, 1), {"groups": 2}),
    ((1, 70, 9, 9), (67, 70, 3, 3), {"padding": 1}),
    ((5, 40, 3, 3), (33, 40, 3, 3), {}),
    ((40, 6, 2, 2), (7, 6, 2, 2), {"padding": 1}),
    ((2, 8, 21, 40), (8, 1, 3, 3), {"groups": 8, "padding": 1}),
    ((2, 8, 21, 23), (16, 1, 5, 5), {"groups": 8, "padding": "same"}),
    ((2, 8, 29, 28), (8, 1, 3, 3), {"groups": 8, "stride": 2, "padding": 1}),
    ((2, 6, 15, 37), (6, 1, 5, 5), {"groups": 6, "stride": 2, "padding": 2}),
    ((3, 9, 7, 7), (9, 1, 7, 7), {"groups": 9, "padding": 3}),
    ((3, 33, 5, 6), (33, 1, 3, 3), {"groups": 33, "padding": 1}),
    ((2, 31, 5, 4), (31, 1, 5, 5), {"groups": 31, "padding": 2}),
    ((18, 16, 7, 5), (16, 1, 3, 3), {"groups": 16, "padding": (1, 0), "stride": 2}),
    ((2, 45, 9, 8), (45, 1, 5, 3), {"groups": 45, "padding": (2, 1), "stride": 2}),
    ((3, 30, 4, 5), (60, 1, 3, 3), {"groups": 30, "padding": 2}),
    ((2, 16, 6, 6), (16, 1, 3, 3), {"groups": 16, "padding": 2, "dilation": 2}),
    ((2, 16, 12, 1), (16, 1, 3, 1), {"groups": 16}),
    ((2, 3, 19, 40), (3, 1, 3, 5), {"groups": 3, "padding": (3, 2), "dilation": (3, 1)}),
    ((1, 4, 3, 50), (4, 1, 5, 3), {"groups": 4, "padding": (8, 1), "dilation": (4, 1)}),
    ((2, 4, 64, 70), (8, 1, 7, 7), {"groups": 4, "stride": 2, "padding": 3}),
    ((1, 4, 130, 150), (4, 1, 3, 3), {"groups": 4, "padding": (0, 1)}),
    ((2, 5, 9, 40), (5, 1, 3, 9), {"groups": 5, "padding": (1, 4), "dilation": (1, 2)}),
    ((2, 8, 17, 18), (8, 2, 3, 3), {"groups": 4, "stride": (2, 3), "padding": (1, 0)}),
    ((2, 12, 9, 9), (24, 4, 3, 3), {"groups": 3, "padding": 2, "dilation": 2}),
    # depthwise filters of several parts, of channels and of pixels as lanes, and of one row
    ((2, 33, 13, 12), (33, 1, 31, 31), {"groups": 33, "padding": 15}),
    ((2, 16, 9, 8), (16, 1, 13, 20), {"groups": 16, "padding": (6, 12)}),
    ((2, 16, 17, 14), (16, 1, 5, 5), {"groups": 16, "padding": 4, "dilation": 2}),
    ((1, 3, 40, 21), (3, 1, 11, 3), {"groups": 3, "padding": (5, 1)}),
    ((2, 2, 19, 37), (4, 1, 8, 6), {"groups": 2, "padding": (3, 2)}),
    ((1, 3, 22, 30), (3, 1, 9, 5), {"groups": 3, "padding": (8, 2), "dilation": (2, 1)}),
    ((2, 3, 30, 23), (3, 1, 6, 8), {"groups": 3, "padding": 3, "stride": 2}),
    ((2, 3, 15, 20), (3, 1, 3, 3), {"groups": 3, "padding": 6, "dilation": 6}),
    ((2, 5, 9, 61), (5, 1, 1, 7), {"groups": 5, "padding": (0, 3)}),
    ((2, 5, 9, 40), (10, 1, 1, 9), {"groups": 5, "padding": (0, 12), "dilation": (1, 3)}),
    ((2, 5, 8, 17), (5, 1, 1, 21), {"groups": 5, "padding": (0, 10)}),
    ((2, 5, 15, 7), (5, 1, 1, 2), {"groups": 5, "stride": (2, 1)}),
    ((1, 4, 20, 20), (6, 4, 3, 3), {"padding": 9, "dilation": 9}),
    ((1, 4, 20, 20), (6, 4, 3, 4), {"padding": "same", "dilation": (3, 5)}),
    # Taps that meet the zeros around the image are left out.
    ((9, 40, 7, 7), (70, 40, 3, 3), {"stride": 2, "padding": 1}),
    ((5, 24, 13, 11), (33, 24, 5, 5), {"stride": 2, "padding": 2}),
    ((2, 20, 33, 30), (35, 20, 3, 3), {"padding": 12, "dilation": 12}),
    ((2, 3, 16, 16), (10, 3, 8, 8), {"stride": 8}),
    ((3, 20, 13, 12), (24, 20, 7, 7), {}),
    # few patches: a row and a column left over, several images, wide patches, groups
    ((1, 9, 5, 7), (15, 9, 2, 2), {"stride": 2}),
    ((1, 4, 10, 9), (70, 4, 3, 4), {"stride": (3, 4)}),
    ((2, 64, 3, 4), (66, 64, 2, 2), {"stride": 2}),
    ((1, 4, 2, 19), (65, 4, 1, 9), {"stride": (1, 9)}),
    ((1, 16, 4, 5), (140, 8, 2, 2), {"stride": 2, "groups": 2}),
    ((2, 3, 11, 12), (10, 3, 2, 2), {"stride": 4, "dilation": 3}),
    ((2, 3, 9, 9), (10, 3, 2, 2), {"stride": 2, "dilation": 2, "padding": 1}),
    ((1, 1, 40, 40), (5, 1, 33, 20), {}),
    ((3, 5, 70, 33), (13, 5, 3, 3), {"stride": (3, 2), "padding": 1}),
    ((2, 3, 48, 50), (7, 3, 16, 16), {"stride": 16, "padding": 3}),
    ((1, 2, 2, 2100), (5, 2, 2, 3), {"padding": 1}),
    ((2, 12, 20, 20), (8, 3, 3, 3), {"groups": 4}),
    ((6, 9, 10), (5, 6, 3, 3), {"padding": "valid"}),
    ((47, 12, 9, 10), (19, 12, 3, 5), {}),
    ((32, 16, 11, 9), (24, 8, 5, 7), {"groups": 2, "padding": (1, 4)}),
    ((16, 12, 15, 13), (20, 12, 5, 5), {"stride": 2}),
    ((16, 20, 9, 7), (17, 20, 3, 3), {"dilation": (2, 1), "padding": (5, 0)}),
    ((3, 60, 9, 11), (50, 60, 5, 5), {"stride": 2, "padding": 2}),
    ((5, 24, 30, 9), (18, 24, 4, 4), {"stride": (4, 3), "padding": (1, 0)}),
    ((2, 12, 23, 6), (36, 6, 3, 4), {"stride": 3, "padding": (1, 2), "groups": 2}),
    ((9, 7, 6, 5), (20, 7, 5, 5), {"stride": 2, "padding": 40}),
    ((2, 70, 19, 8), (35, 70, 3, 5), {"stride": (1, 2), "dilation": (3, 1), "padding": (3, 2)}),
    ((4, 150, 8, 7), (3, 150, 3, 3), {"stride": 2, "padding": 1}),
    ((2, 5, 40, 13), (2, 5, 5, 5), {"stride": (2, 1), "padding": 2}),
    ((1, 130, 3, 1), (20, 130, 3, 2), {"stride": 2, "padding": 1}),
    ((0, 3, 9, 9), (5, 3, 3, 3), {}),
]


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # PyTorch's, on how it pads
@pytest.mark.parametrize(("shape", "filters", "settings"), LARGE)
def test_torch(shape, filters, settings):
    convolutions.check_against_torch(conv2d, shape, filters, settings)


SHARED_BY_THREADS = [
    # N, C, H, O, U, stride, padding, groups: large enough for several tasks of every algorithm
    (16, 20, 12, 40, 5, 1, 0, 1),
    (1, 64, 28, 160, 3, 1, 1, 1),
    (2, 3, 64, 32, 7, 2, 3, 1),
    (33, 1, 28, 20, 5, 1, 0, 1),
    (7, 18, 20, 18, 3, 1, 1, 6),
    (4, 48, 40, 48, 3, 1, 1, 48),
    (18, 32, 5, 32, 3, 1, 1, 32),
    (9, 48, 9, 48, 3, 2, 1, 48),
    (9, 90, 11, 40, 5, 2, 2, 1),
    (1, 48, 37, 200, 3, 3, 1, 4),
    (5, 160, 17, 120, 1, 1, 0, 1),
    (3, 200, 24, 320, 1, 1, 0, 2),
    (1, 64, 14, 200, 2, 2, 0, 1),
]


@pytest.mark.parametrize(("N", "C", "H", "O", "U", "stride", "padding", "groups"), SHARED_BY_THREADS)
def test_same_bits_for_any_number_of_threads(N, C, H, O, U, stride, padding, groups):  # noqa: E741
    size = (H + 2 * padding - U) // stride + 1
    x, w, y = (randn(*shape) for shape in ((N, C, H, H), (O, C // groups, U, U), (N, O, size, size)))
    settings = {"stride": (stride,) * 2, "padding": (padding,) * 4, "dilation": (1, 1), "groups": groups}
    b = randn(O)
    check_threads(conv2d_forward, {"x": x, "w": w, "b": b, "y": y} | settings)
    check_threads(conv2d_input_gradient, {"dy": y, "w": w, "dx": x} | settings)
    check_threads(conv2d_weight_gradient, {"dy": y, "x": x, "dw": w, "db": b} | settings)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("filters", [1, 4, 12, 40])
def test_strides_of_billions(filters, dtype):
    """One output, so that they lead nowhere; their products with 16 channels are 0 in 64 bits."""
    x, w, y = (randn(*shape).astype(dtype) for shape in ((1, 16, 9, 9), (filters, 16, 5, 5), (1, filters, 1, 1)))
    settings = (2**30, 2**30), (0, 0, 0, 0), (1, 1), 1
    dx, dw, met, dy = np.empty_like(x), np.empty_like(w), np.zeros_like(x), y.copy()
    conv2d_forward.native(x, w, None, y, *settings)
    conv2d_input_gradient.native(dy, w, dx, *settings)
    conv2d_weight_gradient.native(dy, x, dw, None, *settings)
    met[0, :, :5, :5] = np.einsum("o,ochw->chw", dy[0, :, 0, 0], w)
    close = {"rtol": 1e-4, "atol": 1e-4}
    np.testing.assert_allclose(y[0, :, 0, 0], np.einsum("chw,ochw->o", x[0, :, :5, :5], w), **close)
    np.testing.assert_allclose(dx, met, **close)
    np.testing.assert_allclose(dw, dy[0, :, :, :, None] * x[:, :, :5, :5], **close)


def test_without_bias_and_for_some_gradients_only(monkeypatch):
    x, w = pydl.tensor(randn(1, 2, 4, 4)), pydl.tensor(randn(3, 2, 3, 3), requires_grad=True)
    conv2d(x, w).sum().backward()
    assert x.grad is None
    assert w.grad.shape == w.shape
    b = pydl.tensor(randn(3), requires_grad=True)
    monkeypatch.setattr(sys.modules["pydl.ops.conv2d"], "conv2d_weight_gradient", None)  # a frozen weight has none
    conv2d(x, w.detach(), b).sum().backward()
    np.testing.assert_allclose(b.grad.numpy(), 4.0)


@pytest.mark.parametrize("filters", [(40, 3, 3, 3), (2, 3, 3, 3)], ids=["product", "direct"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_special_values_stay_where_they_touch(filters, value):
    """A NaN or infinity in the image reaches the outputs and weights whose taps meet it, and no others."""
    x, w = randn(2, 3, 9, 9), randn(*filters)
    x[1, 2, 4, 5] = value
    y = conv2d(x, w, padding=1).numpy()
    expected = np.zeros(y.shape, bool)
    expected[1, :, 3:6, 4:7] = True
    np.testing.assert_array_equal(~np.isfinite(y), expected)

    dy = np.zeros(y.shape)
    dx, dw = np.empty(x.shape), np.empty(w.shape)
    settings = ((1, 1), (1, 1, 1, 1), (1, 1), 1)
    conv2d_weight_gradient(dy, x, dw, None, *settings)
    np.testing.assert_array_equal(np.isnan(dw), np.broadcast_to(np.arange(3)[:, None, None] == 2, w.shape))
    dy[0, 1, 0, 8] = value
    conv2d_input_gradient(dy, w, dx, *settings)
    expected = np.zeros(x.shape, bool)
    expected[0, :, :2, 7:] = True
    np.testing.assert_array_equal(~np.isfinite(dx), expected)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_special_values_stay_in_their_channel(stride, value):
    """The same of a depthwise convolution, whose channels have nothing to do with each other."""
    x, w = randn(2, 3, 9, 9), randn(3, 1, 3, 3)
    x[1, 2, 4, 0] = value
    settings = {"padding": 1, "groups": 3, "stride": stride}
    y = conv2d(x, w, **settings).numpy()
    touched = ~np.isfinite(y)
    assert touched.sum() == (6 if stride == 1 else 1)
    assert touched[1, 2].sum() == touched.sum()

    dy = np.where(touched, 0.0, 1.0)  # each tap of the last channel meets the value, with a zero
    dx, dw = np.empty(x.shape), np.empty(w.shape)
    geometry = ((stride, stride), (1, 1, 1, 1), (1, 1), 3)
    conv2d_weight_gradient(dy, x, dw, None, *geometry)
    met = np.zeros((3, 3), bool)
    met[:, :2] = True
    if stride == 2:
        met = np.zeros((3, 3), bool)
        met[1, 1] = True
    np.testing.assert_array_equal(np.isnan(dw[2, 0]), met)
    assert np.isfinite(dw[:2]).all()
    dy[0, 1, 0, 0] = value
    conv2d_input_gradient(dy, w, dx, *geometry)
    expected = np.zeros(x.shape, bool)
    expected[0, 1, :2, :2] = True
    np.testing.assert_array_equal(~np.isfinite(dx), expected)


def test_padding_of_each_side():
    """The kernels pad each side on its own: the same as an image with zeros around it."""
    x, w = randn(1, 2, 5, 6), randn(5, 2, 3, 3)
    padded = np.pad(x, ((0, 0), (0, 0), (2, 0), (1, 3)))
    y = np.empty((1, 5, 5, 8))
    conv2d_forward(x, w, None, y, (1, 1), (2, 0, 1, 3), (1, 1), 1)
    np.testing.assert_allclose(y, conv2d(padded, w).numpy(), rtol=1e-12, atol=1e-12)


def test_read_only_and_reversed_arrays():
    x, w = randn(2, 3, 8, 9), randn(5, 3, 3, 3)
    expected = conv2d(x[..., ::-1].copy(), w[::-1].copy()).numpy()
    x.flags.writeable = w.flags.writeable = False
    np.testing.assert_array_equal(conv2d(x[..., ::-1], w[::-1]).numpy(), expected)


X, W = np.zeros((8, 1, 28, 28), np.float32), np.zeros((20, 1, 5, 5), np.float32)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"weight": np.zeros((20, 3, 5, 5), np.float32)},
            ValueError,
            r"conv2d: weight has 3 input channels but input has 1 "
            r"\(input \(8, 1, 28, 28\), weight \(20, 3, 5, 5\), groups=1\)",
        ),
        (
            {"groups": 2},
            ValueError,
            r"weight has 1 input channels for each of the 2 groups but input has 1 \(input \(8, 1",
        ),
        ({"groups": 3}, ValueError, r"weight has 20 output channels, which groups=3 does not divide"),
        ({"groups": 0}, ValueError, "groups must be at least 1, not 0"),
        ({"stride": 0}, ValueError, "stride must be at least 1, not 0"),
        ({"stride": (1, 2, 3)}, ValueError, "stride must be one integer or two"),
        ({"stride": 1.5}, TypeError, "stride must be an integer, not 1.5"),
        ({"dilation": (1, 0)}, ValueError, "dilation must be at least 1, not 0"),
        ({"padding": -1}, ValueError, "padding must be at least 0, not -1"),
        ({"padding": "full"}, ValueError, "padding must be 'valid', 'same' or integers, not 'full'"),
        ({"padding": "same", "stride": 2}, ValueError, r"padding='same' needs stride 1, but stride is \(2, 2\)"),
        ({"dilation": 7}, ValueError, "weight covers 29 pixels in height but the padded input has 28"),
        ({"bias": np.zeros(3, np.float32)}, ValueError, r"bias must have shape \(20,\) .* but has \(3,\)"),
        ({"weight": W.astype(np.float64)}, TypeError, "weight is float64 but input is float32; convert one"),
        ({"input": X.astype(np.int64)}, TypeError, "input has dtype int64 but must be float32 or float64"),
        ({"input": X[0, 0]}, ValueError, r"input must be \(N, C, H, W\) or \(C, H, W\), but has shape \(28, 28\)"),
        ({"weight": W[0]}, ValueError, r"weight must be \(out_channels, in_channels/groups, height, width\)"),
        ({"weight": W[:0]}, ValueError, "weight has a dimension of size 0"),
        ({"padding": 2**30}, ValueError, "which is too large"),
        ({"padding": 2**40}, ValueError, "padding is too large"),
    ],
)
def test_refuses(arguments, error, message):
    with pytest.raises(error, match="^conv2d: .*" + message.removeprefix("conv2d: ")):
        conv2d(**{"input": X, "weight": W} | arguments)


@pytest.mark.parametrize(
    "change",
    [
        {"y": np.zeros((8, 20, 25, 24), np.float32)},
        {"w": np.zeros((20, 2, 5, 5), np.float32)},
        {"b": np.zeros(19, np.float32)},
        {"stride": (0, 1)},
        {"padding": (0, 0, -1, 1)},
        {"padding": (2**62, 0, 0, 0)},
        {"dilation": (2**62, 1)},
        {"groups": 0},
        {"groups": 3},
    ],
    ids=str,
)
def test_native_kernels_check_what_they_are_given(change):
    """Called directly, with whatever arguments, a kernel leaves no array's bounds."""
    given = {
        "x": X,
        "w": W,
        "b": np.zeros(20, np.float32),
        "y": np.zeros((8, 20, 24, 24), np.float32),
        "stride": (1, 1),
        "padding": (0, 0, 0, 0),
        "dilation": (1, 1),
        "groups": 1,
    } | change
    settings = [given[name] for name in ("stride", "padding", "dilation", "groups")]
    with pytest.raises(ValueError, match=r"^conv2d_forward: "):
        conv2d_forward.native(given["x"], given["w"], given["b"], given["y"], *settings)
    with pytest.raises(ValueError, match=r"^conv2d_weight_gradient: "):
        conv2d_weight_gradient.native(given["y"], given["x"], given["w"].copy(), given["b"].copy(), *settings)
    if "b" not in change:
        with pytest.raises(ValueError, match=r"^conv2d_input_gradient: "):
            conv2d_input_gradient.native(given["y"], given["w"], given["x"].copy(), *settings)


@pytest.mark.parametrize("features", [1, 5, 9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_planes_of_other_reach_between_images(dtype, features):
    """Stride and dilation make planes of rows that reach less far than others; what lies between is never written."""
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((3, 4, 13, 13)).astype(dtype), rng.standard_normal((4 * features, 1, 3, 2)).astype(dtype)
    threads = pydl.get_num_threads()
    pydl.set_num_threads(1)  # whose memory is the same each time
    try:
        for size in (500, 1500, 5000, 20_000, 50_000):  # what it held before
            conv2d(np.full((1, 2, 1, size), np.nan, dtype), np.ones((12, 1, 1, 3), dtype), None, 1, (0, 1), 1, 2)
            conv2d(np.full_like(x, np.nan), np.ones((4 * features, 1, 5, 5), dtype), None, 1, 2, 1, 4)
        got = conv2d(x, w, None, 3, (2, 1), (2, 1), 4)
    finally:
        pydl.set_num_threads(threads)
    with pydl.use_backend("reference"):
        want = conv2d(x, w, None, 3, (2, 1), (2, 1), 4)
    np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "shape",  # N, C, H, W, features, kernel, stride, padding, dilation
    [
        (2, 128, 13, 13, 16, 3, 1, 1, 1),  # one panel of tiles
        (3, 8, 24, 29, 8, 5, 1, 2, 2),  # two, for three threads
        (2, 8, 19, 6, 16, 5, 1, 3, 1),
        (7, 64, 14, 14, 16, 3, 1, 2, 2),
        (8, 64, 7, 7, 48, 5, 2, 2, 1),  # fewer pixels than a frame holds
        (8, 96, 7, 7, 16, 7, 2, 3, 1),  # lanes are features, tiles are of images
    ],
)
def test_threads_share_a_few_outputs(shape):
    N, C, H, W, features, kernel, *settings = shape
    rng = np.random.default_rng(0)
    x = rng.standard_normal((N, C, H, W)).astype(np.float32)
    w = rng.standard_normal((features, C, kernel, kernel)).astype(np.float32) / np.float32(kernel * np.sqrt(C))
    want = conv2d(x.astype(np.float64), w.astype(np.float64), None, *settings).numpy()
    before, outcomes = pydl.get_num_threads(), []
    try:
        for threads in (1, 2, 3, 5):
            pydl.set_num_threads(threads)
            outcomes.append(conv2d(x, w, None, *settings).numpy())
    finally:
        pydl.set_num_threads(before)
    np.testing.assert_allclose(outcomes[0], want, atol=1e-4)
    assert all(np.array_equal(outcomes[0], other) for other in outcomes[1:])
