import numpy as np
import pytest
from checks import check_kernel, check_threads, check_torch, randn
from winograd import GATE, PLACES

from pydl import _native
from pydl.op import native_isa
from pydl.ops.conv2d import conv2d, conv2d_forward, conv2d_input_gradient
from pydl.ops.conv2d_winograd import conv2d_winograd_stride, conv2d_winograd_stride_gradient, winograd_suits_stride


@pytest.mark.parametrize("kernel", [conv2d_winograd_stride, conv2d_winograd_stride_gradient], ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=60)


@pytest.mark.parametrize(("x", "filters", "padding"), PLACES)
def test_stride_at_every_place_of_larger_maps(x, filters, padding):
    x, w, b = randn(*x), randn(filters, x[1], 3, 3), randn(filters)
    size = [(length + sum(padding[2 * axis :][:2]) - 3) // 2 + 1 for axis, length in enumerate(x.shape[2:])]
    y, dx = np.empty((len(x), filters, *size)), np.empty(x.shape)
    dy = randn(*y.shape)
    settings = {"stride": (2, 2), "padding": padding, "groups": 1}
    conv2d_forward(x.astype(float), w.astype(float), b.astype(float), y, (2, 2), padding, (1, 1), 1)
    conv2d_input_gradient(dy.astype(float), w.astype(float), dx, (2, 2), padding, (1, 1), 1)
    for kernel, given, out, expected in (
        (conv2d_winograd_stride, {"x": x, "w": w, "b": b}, "y", y),
        (conv2d_winograd_stride_gradient, {"dy": dy, "w": w}, "dx", dx),
    ):
        given = given | {out: np.full(expected.shape, np.nan, np.float32)} | settings
        for isa in _native.isas:
            with native_isa(isa):
                kernel(*given.values())
            error, largest = given[out] - expected, np.abs(expected).max()
            np.testing.assert_allclose(error, 0, rtol=0, atol=1e-5 * largest, err_msg=isa)
            assert np.linalg.norm(error) <= GATE[4][0] * np.linalg.norm(expected), isa
        check_threads(kernel, given)


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_special_values_stay_where_they_touch_with_stride(value):
    x, w, padding = randn(3, 5, 20, 21), randn(8, 5, 3, 3) / 100, (1, 1, 1, 1)
    y, dx = np.empty((3, 8, 10, 11), np.float32), np.empty(x.shape, np.float32)
    x[1, 2, 7, 10] = value  # under the third row of taps of output 3, the first of 4, and the middle column of 5
    conv2d_winograd_stride(x, w, None, y, (2, 2), padding, 1)
    touched = np.zeros(y.shape, bool)
    touched[1, :, 3:5, 5] = not np.isfinite(np.float32(value))
    np.testing.assert_array_equal(~np.isfinite(y), touched)
    dy = randn(*y.shape) / 1000
    dy[1, 2, 3, 5] = value
    conv2d_winograd_stride_gradient(dy, w, dx, (2, 2), padding, 1)
    touched = np.zeros(dx.shape, bool)
    touched[1, :, 5:8, 9:12] = not np.isfinite(np.float32(value))
    np.testing.assert_array_equal(~np.isfinite(dx), touched)


@pytest.mark.parametrize(
    ("shape", "filters", "padding", "groups"),
    [
        ((33, 24, 31, 28), 40, 1, 1),
        ((3, 48, 40, 41), 33, 0, 1),
        ((2, 66, 61, 64), 96, 1, 2),
        ((5, 35, 30, 33), 64, 3, 1),
    ],
)
def test_torch_with_stride(shape, filters, padding, groups):
    torch = pytest.importorskip("torch")
    x, w, b = randn(*shape), randn(filters, shape[1] // groups, 3, 3), randn(filters)
    settings = {"stride": 2, "padding": padding, "groups": groups}
    assert winograd_suits_stride(w.shape, conv2d(x, w, b, **settings).shape, groups)
    check_torch(
        lambda x, w, b: conv2d(x, w, b, **settings),
        lambda x, w, b: torch.nn.functional.conv2d(x, w, b, **settings),
        x,
        w,
        b,
    )


@pytest.mark.parametrize("change", [{"stride": (2, 1)}, {"w": np.zeros((4, 2, 3, 2), np.float32)}], ids=str)
@pytest.mark.parametrize("kernel", [conv2d_winograd_stride, conv2d_winograd_stride_gradient], ids=lambda k: k.name)
def test_native_kernels_of_stride_check_what_they_are_given(kernel, change):
    given = {
        "x": np.zeros((1, 2, 8, 8), np.float32),
        "dy": np.zeros((1, 4, 3, 3), np.float32),
        "w": np.zeros((4, 2, 3, 3), np.float32),
        "b": None,
        "y": np.zeros((1, 4, 3, 3), np.float32),
        "dx": np.zeros((1, 2, 8, 8), np.float32),
        "stride": (2, 2),
        "padding": (0, 0, 0, 0),
        "groups": 1,
    } | change
    with pytest.raises(ValueError, match=r"^conv2d_winograd_stride: "):
        kernel.native(*(given[name] for name in kernel.arguments))
