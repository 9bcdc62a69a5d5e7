"""conv1d: one-dimensional convolution (cross-correlation) of a batch of sequences with filters.

    y[n,o,i] = b[o] + sum over c, u of  w[o,c,u] * x[n, g*C/groups + c, i*stride + u*dilation - front]

with g = o // (O/groups), the group of the filter, and x zero outside the sequence. It is conv2d of images of one
row, and conv2d's kernels compute it.

Shapes    x (N, C, L), w (O, C/groups, U), b (O) -> y (N, O, I), where
          I = (L + front + behind - dilation*(U - 1) - 1) // stride + 1; one sequence (C, L) -> (O, I)
Gradient  dx[n,c,l] = sum over o, u of  w[o,c,u] * dy[n,o,i], where tap u of i is position l
          dw[o,c,u] = sum over n, i of  dy[n,o,i] * x[n, c, i*stride + u*dilation - front]
          db[o] = sum over n, i of  dy[n,o,i]
Source    Waibel, Hanazawa, Hinton, Shikano, Lang, "Phoneme recognition using time-delay neural networks", IEEE
          Transactions on Acoustics, Speech, and Signal Processing 37 (1989)
"""

from __future__ import annotations

from typing import Any

from ..arguments import check_floats, shapes_of
from ..op import op
from .conv2d import conv2d_forward, conv2d_input_gradient, conv2d_weight_gradient
from .conv2d_winograd import get_winograd
from .convolution import check_convolution, convolve
from .winograd import transform_forward, transform_input_gradient, transform_weight_gradient


@op("input", "weight", "bias")
def conv1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: int | tuple[int] = 1,
    padding: int | tuple[int] | str = 0,
    dilation: int | tuple[int] = 1,
    groups: int = 1,
) -> Any:
    """The convolution of input with the filters weight. See the top of this file.

    padding: zeros at both ends; "valid" is none, "same" keeps the length (for stride 1).
    """
    x, w, b = check_floats("conv1d", ("bias",), input=input, weight=weight, bias=bias)
    g = check_convolution("conv1d", *shapes_of(x, w, b), x.itemsize, stride, padding, dilation, groups)
    fast = get_winograd()

    def forward(*arguments):
        if not (fast and transform_forward(*arguments)):
            conv2d_forward(*arguments)

    def input_gradient(dy, w, dx, *settings):
        if not (fast and transform_input_gradient(dy, w, None, dx, *settings)):
            conv2d_input_gradient(dy, w, dx, *settings)

    def weight_gradient(*arguments):
        if not (fast and transform_weight_gradient(*arguments)):
            conv2d_weight_gradient(*arguments)

    return convolve(x, w, b, g, forward, input_gradient, weight_gradient)
