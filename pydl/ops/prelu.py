"""prelu: a rectified linear unit whose slope on the negative side is learned.

    y[n, c, ..] = x[n, c, ..]           where x > 0
    y[n, c, ..] = w[c] x[n, c, ..]      elsewhere

Shapes    x (N, C, *), or (C) or () with one slope; w (C), or (1) for all channels; y as x
Gradient  dx = dy where x > 0, else w dy; dw[c] = sum over n, .. of x dy where x <= 0
Source    He, Zhang, Ren, Sun, "Delving deep into rectifiers", ICCV 2015
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_floats
from ..op import empty, op
from .broadcasting import fit
from .mul import mul_forward
from .where import where_forward


@op("input", "weight")
def prelu(input: Any, weight: Any) -> Any:
    """x where x > 0, else weight * x, with one weight or one for each channel. See the top of this file."""
    x, w = check_floats("prelu", input=input, weight=weight)
    C = x.shape[1] if x.ndim > 1 else 1
    if w.ndim > 1 or w.size not in (1, C):
        raise ValueError(
            f"prelu: weight has shape {w.shape} but must be (1,) or one number a channel (input {x.shape})"
        )
    slope = w.reshape(-1, *(1,) * (x.ndim - 2)) if w.size > 1 else w.reshape(())
    positive = np.greater(x, 0)

    def choose(above: Any, below: Any, factor: Any) -> Any:
        """above where x > 0, else factor * below."""
        chosen = empty(x.shape, x.dtype)
        mul_forward(below, factor, chosen)
        where_forward(positive, above, chosen, chosen)
        return chosen

    def gradient(dy, needs):
        dx = choose(dy, dy, slope) if needs[0] else None
        dw = fit(choose(np.zeros((), x.dtype), x, dy), (slope.shape, x.dtype)).reshape(w.shape) if needs[1] else None
        return dx, dw

    return choose(x, x, slope), gradient, ("input", ("weight", 0))
