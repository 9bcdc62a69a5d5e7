"""softmax: numbers as probabilities.

    y[k] = exp(x[k] - max x) / sum over l of exp(x[l] - max x)

along one dimension. Subtracting the maximum changes nothing but keeps exp in range.

Shapes    x (*), y (*): any shape
Gradient  dx[k] = y[k] * (dy[k] - sum over l of dy[l] y[l])
Special   a line with NaN or +inf, or of nothing but -inf, becomes NaN
Source    Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990;
          Goodfellow, Bengio, Courville, "Deep Learning", MIT Press 2016, section 6.2.2.3
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import kernel, op
from .lines import draw_lines, line_by_line


@kernel(writes="y")
def softmax_forward(x, y):
    A, K, B = x.shape
    for a, b in np.ndindex(A, B):
        largest = max(x[a, k, b] for k in range(K)) if not np.isnan(x[a, :, b]).any() else np.nan
        total = 0.0
        for k in range(K):
            y[a, k, b] = np.exp(x[a, k, b] - largest)
            total += y[a, k, b]
        for k in range(K):
            y[a, k, b] /= total


@kernel(writes="dx")
def softmax_backward(dy, y, dx):
    A, K, B = y.shape
    for a, b in np.ndindex(A, B):
        total = 0.0
        for k in range(K):
            total += dy[a, k, b] * y[a, k, b]
        for k in range(K):
            dx[a, k, b] = y[a, k, b] * (dy[a, k, b] - total)


@softmax_forward.samples
def _(draw):
    shape = draw_lines(draw)
    x = draw.choice(draw.array, draw.special)(shape)
    return {"x": x * draw.choice(1, 30), "y": draw.out(shape)}


@softmax_backward.samples
def _(draw):
    shape = draw_lines(draw)
    return {"dy": draw.array(shape), "y": draw.array(shape, 0.0, 1.0), "dx": draw.out(shape)}


@op("input")
def softmax(input: Any, dim: int) -> Any:
    """exp(input), divided by its sum along `dim`. See the top of this file."""
    return line_by_line("softmax", input, dim, softmax_forward, softmax_backward)
