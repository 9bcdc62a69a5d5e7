"""adaptive_avg_pool3d: the mean of windows that share a volume evenly, so that the result has a given size.

    y[n,c,o] = 1/|window o| * sum over the elements i of window o of  x[n,c,i]

where window o of `out` covers [floor(o*size/out), ceil((o+1)*size/out)) along every dimension.

Shapes    x (N, C, D, H, W), y (N, C, OD, OH, OW); or without N.
          output_size is one integer, or (OD, OH, OW); None keeps a dimension's size
Gradient  dx[i] = sum of dy[o] / (elements of o) over the windows o that hold element i
Source    He, Zhang, Ren, Sun, "Spatial pyramid pooling in deep convolutional networks for visual recognition",
          ECCV 2014
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import empty, kernel, op
from .adaptive import check_adaptive, draw_adaptive, places_of


@kernel(writes="y")
def adaptive_avg_pool3d_forward(x, y):
    for n, c, *zpq in np.ndindex(y.shape):
        places = places_of(zpq, y.shape[2:], x.shape[2:])
        total = 0.0
        for place in places:
            total += x[n, c, *place]
        y[n, c, *zpq] = total / len(places)


@kernel(writes="dx")
def adaptive_avg_pool3d_backward(dy, dx):
    dx[...] = 0.0
    for n, c, *zpq in np.ndindex(dy.shape):
        places = places_of(zpq, dy.shape[2:], dx.shape[2:])
        for place in places:
            dx[n, c, *place] += dy[n, c, *zpq] / len(places)


@adaptive_avg_pool3d_forward.samples
def _(draw):
    x, y = draw_adaptive(draw)
    return {"x": draw.choice(draw.array, draw.special)(x), "y": draw.out(y)}


@adaptive_avg_pool3d_backward.samples
def _(draw):
    x, y = draw_adaptive(draw)
    return {"dy": draw.choice(draw.array, draw.special)(y), "dx": draw.out(x)}


def average(op: str, input: Any, output_size: Any, dims: int) -> Any:
    """What the adaptive average pooling op over the last `dims` dimensions returns."""
    x, pool = check_adaptive(op, input, output_size, dims)
    y = empty(pool.out, x.dtype)
    adaptive_avg_pool3d_forward(x, y.reshape(pool.y))

    def gradient(dy, needs):
        dx = empty(pool.shape, dy.dtype)
        adaptive_avg_pool3d_backward(dy.reshape(pool.y), dx.reshape(pool.batch))
        return dx

    return y, gradient, ()


@op("input")
def adaptive_avg_pool3d(input: Any, output_size: Any) -> Any:
    """The mean of windows, as many as output_size says. See the top of this file."""
    return average("adaptive_avg_pool3d", input, output_size, 3)
