"""sum_to: the sum over the dimensions along which broadcasting repeats an array, back to the array's own shape.

    y[j] = sum of x[i] over all indices i that read element j of y when y is broadcast to the shape of x

Shapes    x: the broadcast shape; y: one that broadcasts to it
Gradient  none of its own: it is the gradient of broadcasting, dC/db = sum of dC/dy over all copies of b
Rounding  as for sum
Source    Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", Nature 323 (1986):
          the chain rule, for the sum over all uses of a variable
"""

from __future__ import annotations

import numpy as np

from ..arguments import Array
from ..op import empty, kernel


@kernel(writes="y")
def sum_to_forward(x, y):
    lead = x.ndim - y.ndim
    y[...] = 0.0
    for i in np.ndindex(x.shape):
        j = tuple(0 if size == 1 else index for index, size in zip(i[lead:], y.shape, strict=True))
        y[j] += x[i]


@sum_to_forward.samples
def _(draw):
    shape = draw.choice(draw.shape(), draw.shape(2, high=90), (2, draw.integer(60, 70), draw.integer(30, 40)))
    kept = tuple(draw.choice(size, 1) for size in shape)
    return {"x": draw.array(shape), "y": draw.out(kept[draw.integer(0, len(shape)) :])}


def sum_to(x: Array, shape: tuple[int, ...]) -> Array:
    """x, summed to `shape`, which broadcasts to that of x. See the top of this file."""
    if not isinstance(x, np.ndarray) or not isinstance(shape, tuple):
        raise TypeError(f"sum_to: x must be an array and shape a tuple, not {type(x).__name__}, {type(shape).__name__}")
    y = empty(shape, x.dtype)
    sum_to_forward(x, y)
    return y
