"""Convolutions with output channels as lanes (csrc/conv2d/feature_lanes.h) in float32 against the other algorithms,
which compute them in float64: patches, taps that mostly meet the zeros around the image, and their gradients.
"""

import numpy as np
import pytest
from checks import check_threads

import pydl
from pydl.ops.conv2d import conv2d_forward, conv2d_input_gradient, conv2d_weight_gradient
from pydl.ops.conv_transpose2d import conv_transpose2d_forward

CASES = [
    # x, w, stride, padding, dilation, groups
    ((3, 5, 21, 30), (18, 5, 4, 4), (4, 4), 0, 1, 1),
    ((1, 3, 64, 33), (70, 3, 16, 16), (16, 16), 0, 1, 1),
    ((17, 7, 6, 5), (33, 7, 2, 2), (2, 2), 0, 1, 1),  # tiles of images
    ((2, 16, 13, 12), (34, 8, 2, 3), (2, 3), 0, 1, 2),
    ((2, 6, 44, 9), (20, 6, 3, 3), (4, 3), 0, 1, 1),  # tiles of rows; pixels that no tap meets
    ((2, 140, 9, 9), (5, 140, 3, 3), (3, 3), 0, 1, 1),  # several blocks of steps
    ((2, 4, 10, 11), (3, 4, 2, 2), (2, 2), 0, 1, 1),
    ((2, 9, 12, 14), (12, 3, 2, 2), (2, 2), 0, 1, 3),
    ((2, 5, 24, 26), (12, 5, 8, 5), (8, 5), 0, 1, 1),
    ((1, 40, 10, 11), (50, 40, 3, 3), (1, 1), 6, 6, 1),
    ((20, 16, 6, 7), (16, 8, 3, 3), (1, 1), 5, 5, 2),
    ((2, 12, 9, 30), (32, 12, 3, 3), (1, 1), (8, 7), (8, 12), 1),  # some outputs meet no tap at all
    ((1, 33, 5, 6), (32, 33, 1, 9), (1, 1), (0, 4), 1, 1),
    ((1, 33, 6, 5), (32, 33, 9, 1), (1, 1), (4, 0), 1, 1),
    ((1, 24, 1, 90), (64, 24, 1, 11), (1, 4), (0, 5), 1, 1),
    ((1, 16, 1, 3), (32, 16, 3, 3), (1, 1), (7, 2), (7, 2), 1),
    ((1, 1100, 13, 25), (70, 1100, 3, 3), (1, 1), 9, 9, 1),  # panels share what they read
    # In a frame (csrc/conv2d/framed_features.h): rows and columns of samples, small maps, panels of unlike size
    ((2, 12, 1, 90), (40, 12, 1, 5), (1, 2), (0, 2), 1, 1),
    ((3, 20, 77, 1), (18, 10, 6, 1), (2, 1), (2, 0), 1, 2),
    ((1, 2, 1, 400), (16, 2, 1, 15), (1, 3), (0, 7), 1, 1),
    ((2, 48, 7, 7), (33, 48, 5, 5), (1, 1), 2, 1, 1),
    ((2, 24, 13, 15), (112, 24, 3, 3), (2, 2), 1, 1, 1),
    ((33, 20, 7, 7), (50, 20, 3, 3), (2, 2), 1, 1, 1),  # tasks of unlike numbers of images
    # Phases of the gradient that are dilated or have gaps (csrc/conv2d/phase_images.h), and few output channels
    ((2, 6, 17, 22), (3, 6, 4, 3), (2, 3), 2, (2, 1), 1),
    ((2, 8, 16, 19), (6, 4, 2, 2), (3, 3), 1, 1, 2),
    ((1, 5, 9, 21), (4, 5, 3, 3), (3, 2), 3, (3, 4), 1),
    ((2, 130, 11, 12), (2, 130, 2, 2), (2, 2), 1, 1, 1),
]


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


def arrays_of(x, w, stride, padding, dilation, groups):
    """x, w, b, y, and the settings of a kernel."""
    (top, left), dilation = pair(padding), pair(dilation)
    size = [(x[2 + k] + 2 * pair(padding)[k] - dilation[k] * (w[2 + k] - 1) - 1) // stride[k] + 1 for k in range(2)]
    rng = np.random.default_rng(sum(x))
    arrays = (rng.standard_normal(shape, dtype=np.float32) for shape in (x, w, w[:1], (x[0], w[0], *size)))
    settings = {"stride": stride, "padding": (top, top, left, left), "dilation": dilation, "groups": groups}
    return *arrays, settings


def check(kernel, result, **arguments):
    """The same in float32 as in float64, up to rounding, and the same bits for any number of threads."""
    exact = {name: a.astype(np.float64) if isinstance(a, np.ndarray) else a for name, a in arguments.items()}
    kernel(*exact.values())
    written = check_threads(kernel, arguments)[result]
    np.testing.assert_allclose(written, exact[result], rtol=0, atol=3e-6 * np.abs(exact[result]).max())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_equals_float64(case):
    x, w, b, y, settings = arrays_of(*case)
    check(conv2d_forward, "y", x=x, w=w, b=b, y=y, **settings)
    check(conv2d_input_gradient, "dx", dy=y, w=w, dx=x, **settings)
    check(conv2d_weight_gradient, "dw", dy=y, x=x, dw=w, db=b, **settings)
    bias = np.arange(x.shape[1], dtype=np.float32) - 2
    check(conv_transpose2d_forward, "y", x=y, w=w, b=bias, y=x, **settings)


@pytest.mark.parametrize("case", [CASES[0], CASES[3], CASES[9]], ids=str)
def test_any_strides(case):
    """Reversed and spread arrays, as float64 has them."""
    x, w, b, y, settings = arrays_of(*case)
    for turn in (lambda a: a[..., ::-1], lambda a: a[:, :, ::-1], lambda a: a[::-1, ::-1]):
        check(conv2d_forward, "y", x=turn(x), w=w, b=b[::-1], y=y, **settings)
        check(conv2d_forward, "y", x=x, w=turn(w), b=b, y=y, **settings)
        check(conv2d_input_gradient, "dx", dy=turn(y), w=turn(w), dx=x, **settings)
    spread = np.zeros((*y.shape, 2), np.float32)
    conv2d_forward(x, w, None, spread[..., 0], *settings.values())
    dense = np.empty(y.shape, np.float32)
    conv2d_forward(x, w, None, dense, *settings.values())
    np.testing.assert_allclose(spread[..., 0], dense, rtol=1e-5, atol=1e-4)
    assert not spread[..., 1].any()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_meet_the_zeros_around(value):
    """A sum leaves out no tap whose weight times zero is not zero."""
    x, w, _, y, settings = arrays_of(*CASES[9])
    w[3, 7, 0, 2] = value
    conv2d_forward(x, w, None, y, *settings.values())
    assert not np.isfinite(y[:, 3]).any() if np.isnan(value) else np.isnan(y[:, 3, :6, -6:]).all()
    assert np.isfinite(np.delete(y, 3, 1)).all()


def test_special_values_of_patches_stay_where_they_touch():
    x, w, _, y, settings = arrays_of(*CASES[0])
    x[1, 2, 9, 29], x[1, 2, 9, 27] = np.nan, np.inf  # column 29 is in no patch
    conv2d_forward(x, w, None, y, *settings.values())
    expected = np.zeros(y.shape, bool)
    expected[1, :, 2, 6] = True
    np.testing.assert_array_equal(~np.isfinite(y), expected)


def test_last_patch_beyond_the_image():
    """Zeros on one side alone belong to a patch that is none of the image's."""
    x, w, _, y, settings = arrays_of((2, 64, 1, 10), (96, 64, 1, 3), (1, 3), 0, 1, 1)
    settings["padding"] = (0, 0, 0, 3)
    padded = np.zeros((2, 64, 1, 13), np.float32)
    padded[..., :10] = x
    y, expected = (np.empty((2, 96, 1, 4), np.float32) for _ in range(2))
    conv2d_forward(x, w, None, y, *settings.values())
    conv2d_forward(padded, w, None, expected, (1, 3), (0, 0, 0, 0), (1, 1), 1)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-4)
    conv2d_input_gradient(y, w, x, *settings.values())
    conv2d_input_gradient(y, w, padded, (1, 3), (0, 0, 0, 0), (1, 1), 1)
    np.testing.assert_allclose(x, padded[..., :10], rtol=1e-5, atol=1e-3)


def test_whole_network_of_patches_learns():
    """conv_transpose2d turns conv2d's patches back: a gradient step makes the error of a small pair smaller."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4, 3, 16, 16), dtype=np.float32)
    w = pydl.tensor(rng.standard_normal((24, 3, 4, 4), dtype=np.float32) / 7, requires_grad=True)
    losses = []
    for _ in range(2):
        hidden = pydl.nn.functional.conv2d(x, w, stride=4)
        error = pydl.nn.functional.conv_transpose2d(hidden, w, stride=4) - x
        loss = (error * error).sum()
        loss.backward()
        losses.append(loss.item())
        w = pydl.tensor(w.detach().numpy() - 1e-4 * w.grad.numpy(), requires_grad=True)
    assert losses[1] < losses[0]
