"""logit: the inverse of sigmoid.

    y = ln(x / (1 - x)), of x clamped to [eps, 1 - eps] where there is an eps

Shapes    x (*), y (*): any shape; integers become float32
Gradient  dx = dy / (x (1 - x)); with eps, 0 where x is clamped
Special   without eps, y and dx are NaN outside of [0, 1], and infinite at its ends
Source    Cox, "The regression analysis of binary sequences", J. Royal Statistical Society B 20 (1958)
"""

from __future__ import annotations

from typing import Any

from ..arguments import check_float, check_range
from ..op import empty_like, op
from .add import add_to
from .clamp import clamp_backward, clamp_forward
from .div import div_forward, one
from .log import log_forward
from .mul import mul_forward
from .sub import sub_forward


@op("input")
def logit(input: Any, eps: float | None = None) -> Any:
    """The inverse of sigmoid. See the top of this file."""
    given = x = check_float("logit", "input", input, integers=True)
    least = None if eps is None else check_range("logit", "eps", eps, 0.0, 0.5)
    if least is not None:
        x = empty_like(given)
        clamp_forward(given, least, 1.0 - least, x)
    y = empty_like(x)
    sub_forward(one(x.dtype), x, y)
    div_forward(x, y, y)
    log_forward(y, y)  # of a negative number where x is outside

    def gradient(dy, needs):
        dx = empty_like(x)
        sub_forward(one(x.dtype), x, dx)
        mul_forward(x, dx, dx)
        div_forward(dy, dx, dx)
        if least is not None:
            clamp_backward(dx, given, least, 1.0 - least, dx)
        no_number = empty_like(y)
        clamp_forward(y, 0.0, 0.0, no_number)  # NaN where y is, elsewhere 0
        add_to(dx, no_number)
        return dx

    return y, gradient, ("input", "output")
