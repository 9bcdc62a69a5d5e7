"""conv2d: two-dimensional convolution (cross-correlation) of a batch of images with filters.

    y[n,o,i,j] = b[o] + sum over c, u, v of  w[o,c,u,v] * x[n, g*C/groups + c, i*stride + u*dilation - top,
                                                                               j*stride + v*dilation - left]

with g = o // (O/groups), the group of the filter, and x zero outside the image: these zeros are multiplied like any
other number. groups cuts the channels and the filters into groups that see nothing of each other; groups = C is the
depthwise convolution.

Shapes    x (N, C, H, W), w (O, C/groups, U, V), b (O) -> y (N, O, I, J), where
          I = (H + top + bottom - dilation*(U - 1) - 1) // stride + 1 and J likewise; one image (C, H, W) -> (O, I, J)
Gradient  dx[n,c,h,w'] = sum over o, u, v of  w[o,c,u,v] * dy[n,o,i,j], where tap (u, v) of (i, j) is pixel (h, w');
          for stride 1 that is the convolution of dy with the filters turned by 180 degrees
          dw[o,c,u,v] = sum over n, i, j of  dy[n,o,i,j] * x[n, c, i*stride + u*dilation - top, ...]
          db[o] = sum over n, i, j of  dy[n,o,i,j]
Source    LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE
          86 (1998);
          Nielsen, "Neural Networks and Deep Learning", chapter 6;
          Dumoulin, Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285 (2016)
"""
# ruff: noqa: E741  sizes are capital letters, O and I among them

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_floats, shapes_of
from ..op import empty, kernel, op
from .conv2d_winograd import get_winograd
from .convolution import check_convolution, draw_convolution
from .sum import sum_forward
from .winograd import transform_forward, transform_input_gradient, transform_weight_gradient


def pixel(x, n, c, h, w):
    """x[n,c,h,w], zero outside the image."""
    inside = 0 <= h < x.shape[2] and 0 <= w < x.shape[3]
    return x[n, c, h, w] if inside else 0.0


@kernel(writes="y")
def conv2d_forward(x, w, b, y, stride, padding, dilation, groups):
    O, C, U, V = w.shape
    top, _, left, _ = padding
    for n, o, i, j in np.ndindex(y.shape):
        first = o // (O // groups) * C
        total = 0.0 if b is None else b[o]
        for c, u, v in np.ndindex(C, U, V):
            row = i * stride[0] + u * dilation[0] - top
            column = j * stride[1] + v * dilation[1] - left
            total += w[o, c, u, v] * pixel(x, n, first + c, row, column)
        y[n, o, i, j] = total


@kernel(writes="dx")
def conv2d_input_gradient(dy, w, dx, stride, padding, dilation, groups):
    O, C, U, V = w.shape
    top, _, left, _ = padding
    for n, channel, row, column in np.ndindex(dx.shape):
        g, c = divmod(channel, C)
        total = 0.0
        for u, v in np.ndindex(U, V):
            i, past_i = divmod(row + top - u * dilation[0], stride[0])
            j, past_j = divmod(column + left - v * dilation[1], stride[1])
            if past_i == 0 and past_j == 0:
                for o in range(g * (O // groups), (g + 1) * (O // groups)):
                    total += w[o, c, u, v] * pixel(dy, n, o, i, j)
        dx[n, channel, row, column] = total


@kernel(writes="dw, db")
def conv2d_weight_gradient(dy, x, dw, db, stride, padding, dilation, groups):
    O, C, U, V = dw.shape
    N, _, I, J = dy.shape
    top, _, left, _ = padding
    for o, c, u, v in np.ndindex(O, C, U, V):
        first = o // (O // groups) * C
        total = 0.0
        for n, i, j in np.ndindex(N, I, J):
            row = i * stride[0] + u * dilation[0] - top
            column = j * stride[1] + v * dilation[1] - left
            total += dy[n, o, i, j] * pixel(x, n, first + c, row, column)
        dw[o, c, u, v] = total
    if db is not None:
        for o in range(O):
            db[o] = sum(dy[n, o, i, j] for n, i, j in np.ndindex(N, I, J))


@conv2d_forward.samples
def _(draw):
    case = draw_convolution(draw, 2)
    b = draw.choice(None, draw.array(case["w"][:1]))
    return {"x": draw.array(case["x"]), "w": draw.array(case["w"]), "b": b, "y": draw.out(case["y"])} | case["settings"]


@conv2d_input_gradient.samples
def _(draw):
    case = draw_convolution(draw, 2)
    # Finite weights: whether one meets the zeros around dy or nothing at all is a matter of the way taken.
    w = draw.array(case["w"], finite=True)
    return {"dy": draw.array(case["y"]), "w": w, "dx": draw.out(case["x"])} | case["settings"]


@conv2d_weight_gradient.samples
def _(draw):
    case = draw_convolution(draw, 2)
    dw, db = draw.out(case["w"]), draw.choice(None, draw.out(case["w"][:1]))
    return {"dy": draw.array(case["y"]), "x": draw.array(case["x"]), "dw": dw, "db": db} | case["settings"]


@op("input", "weight", "bias")
def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] | str = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
) -> Any:
    """The convolution of input with the filters weight. See the top of this file.

    padding: zeros around the image, one integer or (height, width); "valid" is none, "same" keeps the image's size
    (for stride 1; an odd number of zeros puts the extra one below and to the right).
    """
    x, w, b = check_floats("conv2d", ("bias",), input=input, weight=weight, bias=bias)
    g = check_convolution("conv2d", *shapes_of(x, w, b), x.itemsize, stride, padding, dilation, groups)
    settings = g.stride, g.padding, g.dilation, g.groups
    batch = x if x.ndim == 4 else x[None]
    y = empty(g.y, x.dtype)
    fast = get_winograd()
    if not (fast and transform_forward(batch, w, b, y, *settings)):
        conv2d_forward(batch, w, b, y, *settings)

    def gradient(dy, needs):
        dy = dy.reshape(y.shape)
        dx = dw = db = None
        if needs[0]:
            dx = empty(batch.shape, x.dtype)
            if not (fast and transform_input_gradient(dy, w, None, dx, *settings)):
                conv2d_input_gradient(dy, w, dx, *settings)
            dx = dx.reshape(x.shape)
        if needs[2]:
            db = empty((len(w),), x.dtype)
        if needs[1]:
            dw = empty(w.shape, x.dtype)
            if not (fast and transform_weight_gradient(dy, batch, dw, db, *settings)):
                conv2d_weight_gradient(dy, batch, dw, db, *settings)
        elif db is not None:
            sum_forward(dy, db.reshape(1, -1, 1, 1))
        return dx, dw, db

    return y if x.ndim == 4 else y[0], gradient, (("weight", 0), ("input", 1))
