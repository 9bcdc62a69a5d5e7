"""adaptive_max_pool3d: the largest element of windows that share a volume evenly, so that the result has a given size.

    y[n,c,o] = max over the elements i of window o of  x[n,c,i]

where window o of `out` covers [floor(o*size/out), ceil((o+1)*size/out)) along every dimension.

Shapes    x (N, C, D, H, W), y (N, C, OD, OH, OW); or without N.
          output_size is one integer, or (OD, OH, OW); None keeps a dimension's size
Gradient  dx[the winner of window o] += dy[o]
Special   of equal elements the first in row-major order wins; NaN wins over every number
Source    He, Zhang, Ren, Sun, "Spatial pyramid pooling in deep convolutional networks for visual recognition",
          ECCV 2014
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_flag
from ..op import empty, kernel, op
from .adaptive import check_adaptive, draw_adaptive, places_of, rounded


@kernel(writes="y, indices")
def adaptive_max_pool3d_forward(x, y, indices):
    """indices: the position (d*H + h)*W + w of each winner."""
    _, H, W = x.shape[2:]
    for n, c, *zpq in np.ndindex(y.shape):
        best, winner = -np.inf, -1
        for d, h, w in places_of(zpq, y.shape[2:], x.shape[2:]):
            value = x[n, c, d, h, w]
            if winner < 0 or value > best or np.isnan(value):
                best, winner = value, (d * H + h) * W + w
        y[n, c, *zpq] = best
        indices[n, c, *zpq] = winner


@kernel(writes="dx")
def adaptive_max_pool3d_backward(dy, indices, dx):
    dx[...] = 0.0
    for n, c, *zpq in np.ndindex(dy.shape):
        place = np.unravel_index(int(indices[n, c, *zpq]), dx.shape[2:])
        dx[n, c, *place] += dy[n, c, *zpq]


@adaptive_max_pool3d_forward.samples
def _(draw):
    x, y = draw_adaptive(draw)
    values = draw.choice(draw.array, draw.special)(x)
    return {"x": rounded(draw, values), "y": draw.out(y), "indices": draw.out(y, np.int64)}


@adaptive_max_pool3d_backward.samples
def _(draw):
    x, y = draw_adaptive(draw)
    indices = draw.out(y, np.int64)
    adaptive_max_pool3d_forward.reference(draw.array(x), np.empty(y), indices)
    return {"dy": draw.array(y), "indices": indices, "dx": draw.out(x)}


def largest(op: str, input: Any, output_size: Any, return_indices: bool, dims: int) -> Any:
    """What the adaptive max pooling op over the last `dims` dimensions returns."""
    x, pool = check_adaptive(op, input, output_size, dims)
    return_indices = check_flag(op, "return_indices", return_indices)
    y = empty(pool.out, x.dtype)
    indices = empty(pool.out, np.dtype(np.int64))
    positions = indices.reshape(pool.y)
    adaptive_max_pool3d_forward(x, y.reshape(pool.y), positions)

    def gradient(dy, needs):
        if return_indices:
            dy = dy[0]
        dx = empty(pool.shape, dy.dtype)
        adaptive_max_pool3d_backward(dy.reshape(pool.y), positions, dx.reshape(pool.batch))
        return dx

    return ([y, indices] if return_indices else y), gradient, ("output",) if return_indices else ()


@op("input", several=True)
def adaptive_max_pool3d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The largest element of windows, as many as output_size says. See the top of this file.

    return_indices: also the position of each largest element in its volume, int64.
    """
    return largest("adaptive_max_pool3d", input, output_size, return_indices, 3)
