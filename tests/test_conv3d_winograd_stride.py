import numpy as np
import pytest
from checks import check_kernel, check_torch, randn
from winograd import check_places

import pydl
from pydl.ops.conv3d import conv3d, conv3d_forward, conv3d_input_gradient, conv3d_weight_gradient
from pydl.ops.conv3d_winograd_stride import (
    conv3d_winograd_stride,
    conv3d_winograd_stride_gradient,
    conv3d_winograd_stride_weight,
    suits_volumes,
    suits_volumes_gradient,
    suits_volumes_weight,
)

KERNELS = [conv3d_winograd_stride, conv3d_winograd_stride_gradient, conv3d_winograd_stride_weight]
ONES = (1, 1, 1)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.name)
def test_native_equals_reference(kernel):
    check_kernel(kernel, examples=40)


@pytest.mark.parametrize(
    ("shape", "filters", "stride", "padding"),
    [
        ((2, 5, 7, 21, 18), (19, 5, 3, 3, 3), 2, (1, 1, 1, 1, 1, 1)),
        ((1, 33, 6, 13, 14), (17, 33, 2, 4, 4), 1, (0, 2, 1, 1, 1, 1)),
        ((3, 9, 5, 12, 9), (33, 9, 1, 3, 3), 3, (0, 0, 1, 0, 1, 1)),
        ((2, 3, 5, 26, 19), (9, 3, 3, 7, 7), 1, (1, 1, 3, 3, 3, 3)),
        ((2, 4, 2, 9, 10), (7, 4, 1, 3, 3), 5, (2, 2, 1, 1, 1, 1)),
    ],
)
def test_accuracy_of_every_place(shape, filters, stride, padding):
    x, w, b = randn(*shape), randn(*filters), randn(filters[0])
    steps = (stride, 2, 2)
    size = [(shape[2 + k] + sum(padding[2 * k :][:2]) - filters[2 + k]) // steps[k] + 1 for k in range(3)]
    y, dx, dw, db = np.empty((shape[0], filters[0], *size)), np.empty(shape), np.empty(filters), np.empty(filters[0])
    dy = randn(*y.shape)
    exact_x, exact_w, exact_b, exact_dy = (a.astype(float) for a in (x, w, b, dy))
    conv3d_forward(exact_x, exact_w, exact_b, y, steps, padding, ONES, 1)
    conv3d_input_gradient(exact_dy, exact_w, dx, steps, padding, ONES, 1)
    conv3d_weight_gradient(exact_dy, exact_x, dw, db, steps, padding, ONES, 1)
    settings = {"stride": steps, "padding": padding}
    check_places(conv3d_winograd_stride, {"x": x, "w": w, "b": b, "y": y}, settings)
    check_places(conv3d_winograd_stride_gradient, {"dy": dy, "w": w, "dx": dx}, settings)
    check_places(conv3d_winograd_stride_weight, {"dy": dy, "x": x, "dw": dw, "db": db}, settings)


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_special_values_stay_where_they_touch(value):
    x, w = randn(2, 5, 6, 12, 13), randn(8, 5, 3, 3, 3) / 100
    x[1, 2, 3, 7, 9] = value
    y = np.empty((2, 8, 3, 6, 7), np.float32)
    conv3d_winograd_stride(x, w, None, y, (2, 2, 2), (1,) * 6)
    touched = np.zeros(y.shape, bool)
    touched[1, :, 1:3, 3:5, 4:6] = not np.isfinite(np.float32(value))
    touched[1, :, 1:3, 3:5, 4:6] &= True
    expected = np.empty_like(y)
    conv3d_forward(x, w, None, expected, (2, 2, 2), (1,) * 6, ONES, 1)
    np.testing.assert_array_equal(np.isfinite(y), np.isfinite(expected))
    dy, dx = randn(*y.shape), np.empty_like(x)
    dy[1, 3, 1, 2, 4] = value
    conv3d_winograd_stride_gradient(dy, w, dx, (2, 2, 2), (1,) * 6)
    expected = np.empty_like(dx)
    conv3d_input_gradient(dy, w, expected, (2, 2, 2), (1,) * 6, ONES, 1)
    np.testing.assert_array_equal(np.isfinite(dx), np.isfinite(expected))
