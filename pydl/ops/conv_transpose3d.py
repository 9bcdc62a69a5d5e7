"""conv_transpose3d: every voxel adds the filters, weighted by its value, to a volume: conv3d turned around.

    y[n,o,p] = b[o] + sum over c, taps q and voxels r with  p = r*stride + q*dilation - padding  of  w[c,o,q] * x[n,c,r]

for the channels c and o of each group; p, q and r have three coordinates, for each of which the condition holds.

Shapes    x (N, C, D, H, W), w (C, O/groups, T, U, V), b (O) -> y (N, O, Z, I, J), where
          Z = (D - 1)*stride - 2*padding + dilation*(T - 1) + output_padding + 1 and I, J likewise; or without N
Gradient  dx = conv3d of dy with w
          dw = the gradient of that convolution's weight, with x in the place of its dy
          db[o] = sum over n, z, i, j of  dy[n,o,z,i,j]
Source    Dumoulin, Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285 (2016), chapter 4
"""
# ruff: noqa: E741  sizes are capital letters, O and I among them

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import kernel, op
from .conv2d_winograd import get_winograd
from .conv3d import (
    contiguous,
    conv3d_forward,
    conv3d_weight_gradient,
    faster_forward,
    faster_weight_gradient,
    place_of,
    transform_input_gradient,
)
from .conv3d_winograd import is_known
from .convolution import draw_convolution
from .transposed import check_transposed, convolve_transposed


@kernel(writes="y")
def conv_transpose3d_forward(x, w, b, y, stride, padding, dilation, groups):
    _, O, T, U, V = w.shape
    for n, o, *zij in np.ndindex(y.shape):
        y[n, o, *zij] = 0.0 if b is None else b[o]
    for n, c, *dhw in np.ndindex(x.shape):
        first = c // (x.shape[1] // groups) * O
        for o, *tuv in np.ndindex(O, T, U, V):
            zij = place_of(dhw, tuv, stride, padding, dilation)
            if all(0 <= p < size for p, size in zip(zij, y.shape[2:], strict=True)):
                y[n, first + o, *zij] += w[c, o, *tuv] * x[n, c, *dhw]


@conv_transpose3d_forward.samples
def _(draw):
    case = draw_convolution(draw, 3)
    b = draw.choice(None, draw.array((case["x"][1],)))
    # Finite filters: whether one meets the zeros around x or nothing at all is a matter of the way taken.
    w = draw.array(case["w"], finite=True)
    return {"x": draw.array(case["y"]), "w": w, "b": b, "y": draw.out(case["x"])} | case["settings"]


@op("input", "weight", "bias")
def conv_transpose3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: int | tuple[int, int, int] = 1,
    padding: int | tuple[int, int, int] = 0,
    output_padding: int | tuple[int, int, int] = 0,
    groups: int = 1,
    dilation: int | tuple[int, int, int] = 1,
) -> Any:
    """The transposed convolution of input with the filters weight. See the top of this file.

    padding: what is cut off around the result. output_padding: what is added behind it in every dimension.
    """
    t = check_transposed("conv_transpose3d", input, weight, bias, stride, padding, output_padding, groups, dilation, 3)
    t.w = contiguous(t.w)
    plain = max(*t.dilation, t.groups) == 1 and is_known(t.w.shape, t.x.itemsize, t.stride)
    if not (plain and get_winograd()):
        return convolve_transposed(t, conv_transpose3d_forward, conv3d_forward, conv3d_weight_gradient)

    def forward(x, w, b, y, stride, padding, dilation, groups):
        if not transform_input_gradient(x, w, b, y, stride, padding):
            conv_transpose3d_forward(x, w, b, y, stride, padding, dilation, groups)

    return convolve_transposed(t, forward, faster_forward, faster_weight_gradient)
