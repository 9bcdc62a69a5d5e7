"""maximum: the larger of two numbers.

    y = max(a, b)

Shapes    a, b: any that broadcast together; y: the broadcast shape
Gradient  dy to the larger of the two, half to each where they are equal
Special   NaN in either gives NaN
Source    IEEE 754-2019, section 9.6 (maximum); the halves are a subgradient, as PyTorch chooses it
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import kernel, op
from .extremum import draw_backward, draw_forward, extremum, gradient_by


@kernel(writes="y")
def maximum_forward(a, b, y):
    a, b = np.broadcast_to(a, y.shape), np.broadcast_to(b, y.shape)
    for i in np.ndindex(y.shape):
        y[i] = a[i] if a[i] > b[i] or a[i] != a[i] else b[i]


@kernel(writes="da")
def maximum_backward(dy, a, b, da):
    a, b = np.broadcast_to(a, da.shape), np.broadcast_to(b, da.shape)
    for i in np.ndindex(da.shape):
        da[i] = 0.0 if a[i] < b[i] else dy[i] / 2.0 if a[i] == b[i] else dy[i]


@maximum_forward.samples
def _(draw):
    return draw_forward(draw)


@maximum_backward.samples
def _(draw):
    return draw_backward(draw)


@op("input", "other")
def maximum(input: Any, other: Any) -> Any:
    """The larger of input and other, element by element. See the top of this file."""
    return extremum("maximum", input, other, np.maximum, maximum_forward, _gradient)


_gradient = gradient_by(maximum_backward)
maximum.shorten(maximum_forward, _gradient, ("input", "other"))
