"""conv_transpose2d: every pixel adds the filters, weighted by its value, to an image: conv2d turned around.

    y[n,o,i,j] = b[o] + sum over c, u, v and pixels (h, w') with  i = h*stride + u*dilation - padding,
                 j = w'*stride + v*dilation - padding  of  w[c,o,u,v] * x[n,c,h,w']

for the channels c and o of each group. It is the gradient of a convolution with respect to its input, and was called
deconvolution, which it is not.

Shapes    x (N, C, H, W), w (C, O/groups, U, V), b (O) -> y (N, O, I, J), where
          I = (H - 1)*stride - 2*padding + dilation*(U - 1) + output_padding + 1 and J likewise; or without N
Gradient  dx = conv2d of dy with w
          dw = the gradient of that convolution's weight, with x in the place of its dy
          db[o] = sum over n, i, j of  dy[n,o,i,j]
Source    Zeiler, Krishnan, Taylor, Fergus, "Deconvolutional networks", CVPR 2010;
          Dumoulin, Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285 (2016), chapter 4
"""
# ruff: noqa: E741  sizes are capital letters, O and I among them

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import kernel, op
from .conv2d import conv2d_forward, conv2d_weight_gradient
from .conv2d_winograd import get_winograd
from .convolution import draw_convolution
from .transposed import check_transposed, convolve_transposed
from .winograd import transform_forward, transform_input_gradient, transform_weight_gradient


@kernel(writes="y")
def conv_transpose2d_forward(x, w, b, y, stride, padding, dilation, groups):
    _, O, U, V = w.shape
    top, _, left, _ = padding
    for n, o, i, j in np.ndindex(y.shape):
        y[n, o, i, j] = 0.0 if b is None else b[o]
    for n, c, h, w_ in np.ndindex(x.shape):
        first = c // (x.shape[1] // groups) * O
        for o, u, v in np.ndindex(O, U, V):
            i, j = h * stride[0] + u * dilation[0] - top, w_ * stride[1] + v * dilation[1] - left
            if 0 <= i < y.shape[2] and 0 <= j < y.shape[3]:
                y[n, first + o, i, j] += w[c, o, u, v] * x[n, c, h, w_]


@conv_transpose2d_forward.samples
def _(draw):
    case = draw_convolution(draw, 2)
    b = draw.choice(None, draw.array((case["x"][1],)))
    # Finite filters: whether one meets the zeros around x or nothing at all is a matter of the way taken.
    w = draw.array(case["w"], finite=True)
    return {"x": draw.array(case["y"]), "w": w, "b": b, "y": draw.out(case["x"])} | case["settings"]


@op("input", "weight", "bias")
def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    output_padding: int | tuple[int, int] = 0,
    groups: int = 1,
    dilation: int | tuple[int, int] = 1,
) -> Any:
    """The transposed convolution of input with the filters weight. See the top of this file.

    padding: what is cut off around the result. output_padding: what is added below and to the right of it.
    """
    t = check_transposed("conv_transpose2d", input, weight, bias, stride, padding, output_padding, groups, dilation, 2)
    fast = get_winograd()

    def forward(*arguments):
        if not (fast and transform_input_gradient(*arguments)):
            conv_transpose2d_forward(*arguments)

    def convolve(*arguments):
        if not (fast and transform_forward(*arguments)):
            conv2d_forward(*arguments)

    def weight_gradient(*arguments):
        if not (fast and transform_weight_gradient(*arguments)):
            conv2d_weight_gradient(*arguments)

    return convolve_transposed(t, forward, convolve, weight_gradient)
