"""logaddexp: the logarithm of the sum of two numbers whose logarithms are given.

    y = ln(e^a + e^b) = max(a, b) + ln(1 + e^-|a - b|), which never overflows

Shapes    a, b: any that broadcast together; y: the broadcast shape. Integers become float32
Gradient  da = dy / (1 + e^(b - a)), db = dy / (1 + e^(a - b)), each summed over the copies that broadcasting made
Special   equal infinities are equal numbers: each has half of the gradient
Source    Blanchard, Higham, Higham, "Accurately computing the log-sum-exp and softmax functions", IMA Journal of
          Numerical Analysis 41 (2021)
"""

from __future__ import annotations

from typing import Any

from ..op import op
from .blend import LOG_SUM, SHARE, blended
from .broadcasting import empty_for, fit, operands


@op("input", "other")
def logaddexp(input: Any, other: Any) -> Any:
    """ln(e^input + e^other), element by element. See the top of this file."""
    a, b, y, a_form, b_form = operands("logaddexp", input, other, division=True)
    blended(LOG_SUM, 1.0, a, b, a, y)

    def gradient(dy, needs):
        da = blended(SHARE, 1.0, dy, a, b, empty_for(dy, a)) if needs[0] else None
        db = blended(SHARE, 1.0, dy, b, a, empty_for(dy, b)) if needs[1] else None
        return fit(da, a_form), fit(db, b_form)

    return y, gradient, ("input", "other")
