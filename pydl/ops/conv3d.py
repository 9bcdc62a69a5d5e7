"""conv3d: three-dimensional convolution (cross-correlation) of a batch of volumes with filters.

    y[n,o,z,i,j] = b[o] + sum over c, t, u, v of  w[o,c,t,u,v] * x[n, g*C/groups + c, z*stride + t*dilation - front,
                                                        i*stride + u*dilation - top, j*stride + v*dilation - left]

with g = o // (O/groups), the group of the filter, and x zero outside the volume.

Shapes    x (N, C, D, H, W), w (O, C/groups, T, U, V), b (O) -> y (N, O, Z, I, J), where
          Z = (D + front + behind - dilation*(T - 1) - 1) // stride + 1 and I, J likewise; one volume (C, D, H, W) ->
          (O, Z, I, J)
Gradient  dx[n,c,d,h,w'] = sum over o, t, u, v of  w[o,c,t,u,v] * dy[n,o,z,i,j], where tap (t, u, v) of (z, i, j) is
          voxel (d, h, w')
          dw[o,c,t,u,v] = sum over n, z, i, j of  dy[n,o,z,i,j] * x[n, c, z*stride + t*dilation - front, ...]
          db[o] = sum over n, z, i, j of  dy[n,o,z,i,j]
Source    Ji, Xu, Yang, Yu, "3D convolutional neural networks for human action recognition", IEEE Transactions on
          Pattern Analysis and Machine Intelligence 35 (2013)
"""
# ruff: noqa: E741  sizes are capital letters, O and I among them

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_floats, shapes_of
from ..op import kernel, op
from .conv2d_winograd import get_winograd
from .conv3d_winograd import (
    conv3d_winograd,
    conv3d_winograd_gradient,
    conv3d_winograd_weight,
    is_known,
    suits_gradient,
    suits_weight,
    volume_tile,
)
from .convolution import check_convolution, convolve, draw_convolution


def voxel(x, n, c, place):
    """x[n,c,d,h,w], zero outside the volume."""
    inside = all(0 <= p < size for p, size in zip(place, x.shape[2:], strict=True))
    return x[n, c, *place] if inside else 0.0


def place_of(output, tap, stride, padding, dilation):
    """Where a tap of an output finds its voxel."""
    return [output[k] * stride[k] + tap[k] * dilation[k] - padding[2 * k] for k in range(3)]


@kernel(writes="y")
def conv3d_forward(x, w, b, y, stride, padding, dilation, groups):
    O, C, T, U, V = w.shape
    for n, o, *zij in np.ndindex(y.shape):
        first = o // (O // groups) * C
        total = 0.0 if b is None else b[o]
        for c, *tuv in np.ndindex(C, T, U, V):
            total += w[o, c, *tuv] * voxel(x, n, first + c, place_of(zij, tuv, stride, padding, dilation))
        y[n, o, *zij] = total


@kernel(writes="dx")
def conv3d_input_gradient(dy, w, dx, stride, padding, dilation, groups):
    O, C, T, U, V = w.shape
    for n, channel, *dhw in np.ndindex(dx.shape):
        g, c = divmod(channel, C)
        total = 0.0
        for tuv in np.ndindex(T, U, V):
            steps = [divmod(dhw[k] + padding[2 * k] - tuv[k] * dilation[k], stride[k]) for k in range(3)]
            if all(past == 0 for _, past in steps):
                for o in range(g * (O // groups), (g + 1) * (O // groups)):
                    total += w[o, c, *tuv] * voxel(dy, n, o, [output for output, _ in steps])
        dx[n, channel, *dhw] = total


@kernel(writes="dw, db")
def conv3d_weight_gradient(dy, x, dw, db, stride, padding, dilation, groups):
    O, C, T, U, V = dw.shape
    N, _, Z, I, J = dy.shape
    for o, c, *tuv in np.ndindex(O, C, T, U, V):
        first = o // (O // groups) * C
        total = 0.0
        for n, *zij in np.ndindex(N, Z, I, J):
            total += dy[n, o, *zij] * voxel(x, n, first + c, place_of(zij, tuv, stride, padding, dilation))
        dw[o, c, *tuv] = total
    if db is not None:
        for o in range(O):
            db[o] = sum(dy[n, o, z, i, j] for n, z, i, j in np.ndindex(N, Z, I, J))


def contiguous(values):
    """Filters as the kernels take them."""
    return np.ascontiguousarray(values)


@conv3d_forward.samples
def _(draw):
    case = draw_convolution(draw, 3)
    b = draw.choice(None, draw.array(case["w"][:1]))
    w = contiguous(draw.array(case["w"]))
    return {"x": draw.array(case["x"]), "w": w, "b": b, "y": draw.out(case["y"])} | case["settings"]


@conv3d_input_gradient.samples
def _(draw):
    case = draw_convolution(draw, 3)
    # Finite weights: whether one meets the zeros around dy or nothing at all is a matter of the way taken.
    w = draw.array(case["w"], finite=True)
    return {"dy": draw.array(case["y"]), "w": w, "dx": draw.out(case["x"])} | case["settings"]


@conv3d_weight_gradient.samples
def _(draw):
    case = draw_convolution(draw, 3)
    dw, db = contiguous(draw.out(case["w"])), draw.choice(None, draw.out(case["w"][:1]))
    return {"dy": draw.array(case["y"]), "x": draw.array(case["x"]), "dw": dw, "db": db} | case["settings"]


def faster_forward(x, w, b, y, stride, padding, dilation, groups):
    """conv3d_forward by the faster of both ways, for filters that conv3d_winograd knows."""
    if tile := volume_tile(w.shape, y.shape, stride[1]):
        conv3d_winograd(x, w, b, y, stride, padding, tile)
    else:
        conv3d_forward(x, w, b, y, stride, padding, dilation, groups)


def faster_input_gradient(dy, w, dx, stride, padding, dilation, groups):
    """conv3d_input_gradient likewise."""
    if not transform_input_gradient(dy, w, None, dx, stride, padding):
        conv3d_input_gradient(dy, w, dx, stride, padding, dilation, groups)


def transform_input_gradient(dy, w, b, dx, stride, padding):
    """The gradient by conv3d_winograd, each channel beginning with its bias, if that is faster; whether it was. Without
    a stride it is the convolution of dy with the filters turned, inputs and outputs exchanged.
    """
    turned = w.swapaxes(0, 1)[:, :, ::-1, ::-1, ::-1]
    zeros = tuple(w.shape[2 + side // 2] - 1 - before for side, before in enumerate(padding))
    is_odd = padding[2] % 2 == padding[4] % 2 == 1
    if stride == (1, 1, 1) and min(zeros) >= 0 and (tile := volume_tile(turned.shape, dx.shape)):
        conv3d_winograd(dy, turned, b, dx, stride, zeros, tile)
        return True
    if stride[1] == 2 and is_odd and suits_gradient(w.shape, dx.shape, dy.shape, stride[0]):
        conv3d_winograd_gradient(dy, w, b, dx, stride, padding)
        return True
    return False


def faster_weight_gradient(dy, x, dw, db, stride, padding, dilation, groups):
    """conv3d_weight_gradient likewise."""
    if suits_weight(dw.shape, dy.shape, stride[1]):
        conv3d_winograd_weight(dy, x, dw, db, stride, padding)
    else:
        conv3d_weight_gradient(dy, x, dw, db, stride, padding, dilation, groups)


@op("input", "weight", "bias")
def conv3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: int | tuple[int, int, int] = 1,
    padding: int | tuple[int, int, int] | str = 0,
    dilation: int | tuple[int, int, int] = 1,
    groups: int = 1,
) -> Any:
    """The convolution of input with the filters weight. See the top of this file.

    padding: zeros around the volume, one integer or (depth, height, width); "valid" is none, "same" keeps the size
    (for stride 1).
    """
    x, w, b = check_floats("conv3d", ("bias",), input=input, weight=weight, bias=bias)
    g = check_convolution("conv3d", *shapes_of(x, w, b), x.itemsize, stride, padding, dilation, groups)
    w = contiguous(w)
    if max(*g.dilation, g.groups) == 1 and is_known(w.shape, x.itemsize, g.stride) and get_winograd():
        return convolve(x, w, b, g, faster_forward, faster_input_gradient, faster_weight_gradient)
    return convolve(x, w, b, g, conv3d_forward, conv3d_input_gradient, conv3d_weight_gradient)
