"""flip: the order reversed along some dimensions.

    y[.., i, ..] = x[.., I - 1 - i, ..]

Shapes    x and y (*)
Gradient  dx = dy reversed along the same dimensions
Source    Harris et al., "Array programming with NumPy", Nature 585 (2020)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_array, check_dims
from ..op import empty, op


@op("input")
def flip(input: Any, *dims: Any) -> Any:
    """Reversed along dims: flip(x, 0, 1) or flip(x, (0, 1)). A copy. See the top of this file."""
    x = check_array("flip", "input", input)
    if len(dims) == 1 and isinstance(dims[0], tuple | list):
        dims = tuple(dims[0])
    order = check_dims("flip", dims, x.ndim)
    y = empty(x.shape, x.dtype)
    y[...] = np.flip(x, order)
    return y, lambda dy, needs: np.flip(dy, order), ()
