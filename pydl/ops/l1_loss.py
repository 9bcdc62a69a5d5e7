"""l1_loss: the absolute difference, a loss that large errors do not dominate.

    loss[i] = |x[i] - target[i]|

and with reduction "mean" or "sum" the mean or the sum over all i.

Shapes    x (*), target (*) of the same shape; loss () or, with reduction "none", (*)
Gradient  dx[i] = sign(x[i] - target[i]) * dloss, divided by the number of elements for the mean; dtarget = -dx
Special   the gradient is 0 where x = target, and where either is NaN
Source    Hastie, Tibshirani, Friedman, "The Elements of Statistical Learning", 2nd edition, Springer 2009, section 10.6
"""

from __future__ import annotations

from typing import Any

from ..arguments import check_floats
from ..op import kernel, op
from . import losses


@kernel(writes="y")
def l1_loss_forward(x, target, y, reduction):
    """reduction: 0 none, 1 mean, 2 sum."""
    terms = []
    for i in range(len(x)):
        terms.append(abs(x[i] - target[i]))
    losses.reduce(terms, len(x), reduction, y)


@kernel(writes="dx, dtarget")
def l1_loss_backward(dy, x, target, dx, dtarget, mean):
    """dx and dtarget may be None."""
    for i in range(len(x)):
        slope = dy[i % len(dy)] * (int(x[i] > target[i]) - int(x[i] < target[i])) / (len(x) if mean else 1)
        if dx is not None:
            dx[i] = slope
        if dtarget is not None:
            dtarget[i] = -slope


@l1_loss_forward.samples
def _(draw):
    return losses.draw_forward(draw)


@l1_loss_backward.samples
def _(draw):
    return losses.draw_backward(draw)


@op("input", "target")
def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """|input - target|, its mean or its sum. See the top of this file."""
    x, t = check_floats("l1_loss", input=input, target=target)
    how = losses.check_reduction("l1_loss", reduction)
    losses.check_same_shape("l1_loss", x, t)
    return losses.of_pairs("l1_loss", x, t, {}, how, l1_loss_forward, l1_loss_backward)
