"""log_softmax: the logarithm of softmax, without computing the probabilities, which may underflow to 0.

    y[k] = (x[k] - max x) - log(sum over l of exp(x[l] - max x))

along one dimension.

Shapes    x (*), y (*): any shape
Gradient  dx[k] = dy[k] - exp(y[k]) * sum over l of dy[l]
Special   a line with NaN or +inf, or of nothing but -inf, becomes NaN
Source    Goodfellow, Bengio, Courville, "Deep Learning", MIT Press 2016, sections 4.1 and 6.2.2.3
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import kernel, op
from .lines import draw_lines, line_by_line


@kernel(writes="y")
def log_softmax_forward(x, y):
    A, K, B = x.shape
    for a, b in np.ndindex(A, B):
        largest = max(x[a, k, b] for k in range(K)) if not np.isnan(x[a, :, b]).any() else np.nan
        total = 0.0
        for k in range(K):
            total += np.exp(x[a, k, b] - largest)
        for k in range(K):
            y[a, k, b] = x[a, k, b] - largest - np.log(total)


@kernel(writes="dx")
def log_softmax_backward(dy, y, dx):
    A, K, B = y.shape
    for a, b in np.ndindex(A, B):
        total = 0.0
        for k in range(K):
            total += dy[a, k, b]
        for k in range(K):
            dx[a, k, b] = dy[a, k, b] - np.exp(y[a, k, b]) * total


@log_softmax_forward.samples
def _(draw):
    shape = draw_lines(draw)
    x = draw.choice(draw.array, draw.special)(shape)
    return {"x": x * draw.choice(1, 30), "y": draw.out(shape)}


@log_softmax_backward.samples
def _(draw):
    shape = draw_lines(draw)
    return {"dy": draw.array(shape), "y": draw.array(shape, -5.0, 0.0), "dx": draw.out(shape)}


@op("input")
def log_softmax(input: Any, dim: int) -> Any:
    """log(softmax(input, dim)), also where softmax is too small for a number. See the top of this file."""
    return line_by_line("log_softmax", input, dim, log_softmax_forward, log_softmax_backward)
