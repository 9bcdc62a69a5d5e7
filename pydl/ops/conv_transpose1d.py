"""conv_transpose1d: every element adds the filters, weighted by its value, to a sequence: conv1d turned around.

    y[n,o,i] = b[o] + sum over c, u and positions l with  i = l*stride + u*dilation - padding  of  w[c,o,u] * x[n,c,l]

for the channels c and o of each group. It is conv_transpose2d of images of one row, and its kernels compute it.

Shapes    x (N, C, L), w (C, O/groups, U), b (O) -> y (N, O, I), where
          I = (L - 1)*stride - 2*padding + dilation*(U - 1) + output_padding + 1; or without N
Gradient  dx = conv1d of dy with w
          dw = the gradient of that convolution's weight, with x in the place of its dy
          db[o] = sum over n, i of  dy[n,o,i]
Source    Dumoulin, Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285 (2016), chapter 4
"""

from __future__ import annotations

from typing import Any

from ..op import op
from .conv2d import conv2d_forward, conv2d_weight_gradient
from .conv_transpose2d import conv_transpose2d_forward
from .transposed import check_transposed, convolve_transposed


@op("input", "weight", "bias")
def conv_transpose1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: int | tuple[int] = 1,
    padding: int | tuple[int] = 0,
    output_padding: int | tuple[int] = 0,
    groups: int = 1,
    dilation: int | tuple[int] = 1,
) -> Any:
    """The transposed convolution of input with the filters weight. See the top of this file.

    padding: what is cut off at both ends of the result. output_padding: what is added at its end.
    """
    t = check_transposed("conv_transpose1d", input, weight, bias, stride, padding, output_padding, groups, dilation, 1)
    return convolve_transposed(t, conv_transpose2d_forward, conv2d_forward, conv2d_weight_gradient)
