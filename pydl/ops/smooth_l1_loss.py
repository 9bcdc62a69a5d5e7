"""smooth_l1_loss: the absolute difference, with its kink at 0 rounded off.

    loss[i] = d^2 / (2 beta)  where |d| < beta,   d = x[i] - target[i]
              |d| - beta / 2  elsewhere

and with reduction "mean" or "sum" the mean or the sum over all i. It is huber_loss with delta = beta, divided by beta,
whose kernels compute it, and for beta = 0 it is l1_loss.

Shapes    x (*), target (*) of the same shape; loss () or, with reduction "none", (*)
Gradient  dx[i] = d / beta, but at least -1 and at most 1, times dloss, divided by the number of elements for the mean;
          dtarget = -dx
Source    Girshick, "Fast R-CNN", ICCV 2015, section 2.3
"""

from __future__ import annotations

from typing import Any

from ..arguments import check_floats, check_number
from ..op import op
from . import losses
from .huber_loss import check_positive, of_differences
from .l1_loss import l1_loss_backward, l1_loss_forward


@op("input", "target")
def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """|input - target| - beta / 2, or a parabola below |difference| = beta. See the top of this file."""
    name = "smooth_l1_loss"
    x, t = check_floats(name, input=input, target=target)
    if check_number(name, "beta", beta) != 0:
        beta = check_positive(name, "beta", beta)
        return of_differences(name, x, t, reduction, beta, 1 / beta)
    how = losses.check_reduction(name, reduction)
    losses.check_same_shape(name, x, t)
    return losses.of_pairs(name, x, t, {}, how, l1_loss_forward, l1_loss_backward)
