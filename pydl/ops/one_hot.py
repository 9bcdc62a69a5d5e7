"""one_hot: class numbers as vectors with a single 1.

    y[n, c] = 1 if x[n] = c else 0

Shapes    x (*): integers from 0 to C - 1, y (*, C): int64; n runs over all dimensions of x
Gradient  none: x are integers
Source    Bishop, "Pattern recognition and machine learning" (2006), section 4.1.3 (1-of-K coding)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._compiled import repeated, usual_classes
from ..arguments import check_array, check_integer
from ..op import op
from .clone import zeros
from .gather import scatter_forward

_one = np.ones((), np.int64)


@op("tensor")
def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """Vectors of num_classes elements, by default as many as the largest class needs. See the top of this file."""
    x = check_array("one_hot", "tensor", tensor)
    if x.dtype.kind not in "iu":
        raise TypeError(f"one_hot: tensor has dtype {x.dtype} but must hold integers, the classes' numbers")
    num_classes = check_integer("one_hot", "num_classes", num_classes, -1)
    if num_classes == -1:
        if x.size == 0:
            raise ValueError("one_hot: tensor is empty, so num_classes must be given")
        num_classes = int(x.max()) + 1
    num_classes = check_integer("one_hot", "num_classes", num_classes, 1)
    if not usual_classes(x, x.shape, num_classes):
        if x.size and not 0 <= x.min() <= x.max() < num_classes:
            raise ValueError(
                f"one_hot: tensor has values from {x.min()} to {x.max()} but classes are from 0 to {num_classes - 1}"
            )
        x = np.asarray(x, np.int64, order="C")
    y = zeros((*x.shape, num_classes), np.int64)
    lines = (x.size, 1, 1)
    scatter_forward(repeated(_one, (1, 1, 1), lines), x.reshape(lines), y.reshape(x.size, num_classes, 1))
    return y
