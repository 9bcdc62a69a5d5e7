"""What the tests of Winograd's algorithm share: how far off it may be, and convolutions that reach every place."""

import numpy as np
import pytest
from checks import check_threads

import pydl
from pydl import _native
from pydl.op import native_isa
from pydl.ops.conv2d import conv2d_forward, conv2d_input_gradient, conv2d_weight_gradient

# Which variants compute by Winograd's algorithm at all.
needs_winograd = pytest.mark.skipif(
    pydl.op.isa in ("sse2", "generic"), reason="without fused multiply-add everything is computed directly"
)

# The gate: error relative to the outputs as a whole, and the largest relative to the largest output.
GATE = {2: (1e-6, 2e-6), 4: (3e-6, 1e-5)}

# The same of maps that are so small that tiles of the image are fewer than those of the result.
FULL = (4, 4, 4, 4)
SMALL_PLACES = [
    ((7, 5, 8, 8), 13, FULL),
    ((33, 18, 10, 11), 19, FULL),
    ((5, 20, 4, 7), 9, FULL),
    ((3, 9, 9, 5), 4, (4, 2, 4, 3)),
]

# Sizes of filters and tiles.
WAYS = [(3, 2), (3, 4), (5, 4)]

# Maps whose tiles are cut off at the edge, tasks that end inside a row, panels that span several images:
# (shape of x, filters, padding).
PLACES = [
    ((7, 5, 13, 9), 33, (1, 1, 1, 1)),
    ((33, 18, 7, 7), 19, (1, 1, 1, 1)),
    ((1, 20, 57, 70), 9, (2, 2, 2, 2)),
    ((2, 300, 8, 5), 20, (0, 1, 2, 0)),
    ((3, 9, 3, 30), 140, (0, 0, 5, 6)),
    ((1, 130, 6, 6), 270, (1, 1, 1, 1)),
    ((1, 12, 9, 10), 90, (1, 1, 1, 1)),
]


def direct(x, w, b, dy, stride, padding):
    """y, dx, dw and db in double precision."""
    x, w, b, dy = (each.astype(float) for each in (x, w, b, dy))
    y, dx, dw, db = (np.empty_like(each) for each in (dy, x, w, b))
    settings = stride, padding, (1, 1), 1
    conv2d_forward(x, w, b, y, *settings)
    conv2d_input_gradient(dy, w, dx, *settings)
    conv2d_weight_gradient(dy, x, dw, db, *settings)
    return y, dx, dw, db


def check_places(kernel, arrays, settings):
    """Every instruction set writes what arrays have as y, dx, dw and db, within GATE, and any threads the same bits."""
    writes = {"y", "dx", "dw", "db"} & set(arrays)
    given = {
        name: np.full(value.shape, np.nan, np.float32) if name in writes else value for name, value in arrays.items()
    } | settings
    for isa in _native.isas:
        with native_isa(isa):
            kernel(*given.values())
        for name in writes:
            error, largest = given[name] - arrays[name], np.abs(arrays[name]).max()
            np.testing.assert_allclose(error, 0, rtol=0, atol=GATE[4][1] * largest, err_msg=f"{name} {isa}")
            assert np.linalg.norm(error) <= GATE[4][0] * np.linalg.norm(arrays[name]), (name, isa)
    check_threads(kernel, given)
