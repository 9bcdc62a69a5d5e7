"""atan2: the angle of the point (x, y) as seen from the origin.

    z = atan2(y, x), from -pi to pi

Shapes    y, x: any that broadcast together; z: the broadcast shape
Gradient  dy = dz x / (x^2 + y^2), dx = -dz y / (x^2 + y^2), each summed over the copies that broadcasting made;
          0 at (0, 0), where there is none
Source    Abramowitz, Stegun, "Handbook of mathematical functions" (1964), section 4.4
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import op
from .broadcasting import fit, operands


@op("input", "other")
def atan2(input: Any, other: Any) -> Any:
    """The angle whose tangent is input / other, in the quadrant that their signs say. See the top of this file."""
    a, b, y, a_form, b_form = operands("atan2", input, other, division=True)
    np.arctan2(a, b, out=y)

    def gradient(dy, needs):
        with np.errstate(all="ignore"):
            size = a * a + b * b
            da, db = (np.asarray(dy * each / np.where(size == 0, np.inf, size), dy.dtype) for each in (b, -a))
        return fit(da, a_form) if needs[0] else None, fit(db, b_form) if needs[1] else None

    return y, gradient, (("input", 0), ("input", 1), ("other", 0), ("other", 1))
