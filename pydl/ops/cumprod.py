"""cumprod: the product of all elements up to each one.

    y[.., i, ..] = product over j <= i of x[.., j, ..]

Shapes    x and y (*)
Gradient  dx[j] = sum over i >= j of dy[i] times the product of all others up to i, right with zeros, too
Special   integers and bool become int64
Source    Blelloch, "Prefix sums and their applications", in: Synthesis of Parallel Algorithms (1993)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_array, check_dim, check_float
from ..op import empty, op
from .cumsum import running, running_integers
from .div import div_forward
from .mul import mul_forward


def _sums_from_here_on(x: Any) -> Any:
    return np.flip(np.cumsum(np.flip(x, 0), 0), 0)


@op("input")
def cumprod(input: Any, dim: int) -> Any:
    """Products along the dimension `dim`. See the top of this file."""
    x = check_array("cumprod", "input", input)
    d = check_dim("cumprod", dim, x.ndim)
    if x.dtype.kind != "f":
        return running_integers(x, d, product=True)
    x = check_float("cumprod", "input", x)
    y = running(x, d, product=True)

    def gradient(dy, needs):
        if x.ndim == 0:
            return dy
        if x.all():
            a, products, slope = x, y, dy
            wide = x.dtype == np.float32 and not (np.isfinite(y).all() and y.all())
            if wide:  # as numbers whose products are in range; what is 0 even so adds nothing to a float32
                a, slope = x.astype(np.float64), dy.astype(np.float64)
                products = running(a, d, product=True)
            if np.isfinite(products).all() and (wide or products.all()):
                dx = empty(x.shape, a.dtype)
                mul_forward(slope, products, dx)
                div_forward(running(dx, d, True), a, dx)
                return dx.astype(x.dtype, copy=False)
        lines, dlines = (np.moveaxis(each, d, 0).astype(np.float64, copy=False) for each in (x, dy))
        # Up to the first zero of a line the products are not 0, from it on only those without it are not.
        zero = (lines == 0) & (np.cumsum(lines == 0, 0) == 1)
        found = np.logical_or.accumulate(zero, 0)
        filled = np.where(zero, 1.0, lines)
        before = _sums_from_here_on(np.where(found, 0.0, dlines * np.cumprod(lines, 0)))
        at = _sums_from_here_on(dlines * np.cumprod(filled, 0))
        dx = np.where(zero, at, np.where(found, 0.0, before / np.where(filled == 0, 1.0, filled)))
        return np.moveaxis(dx, 0, d).astype(x.dtype)

    return y, gradient, ("input",)
