"""mse_loss: the squared difference, the loss of regression.

    loss[i] = (x[i] - target[i])^2

and with reduction "mean" or "sum" the mean or the sum over all i.

Shapes    x (*), target (*) of the same shape; loss () or, with reduction "none", (*)
Gradient  dx[i] = 2 (x[i] - target[i]) * dloss, divided by the number of elements for the mean; dtarget = -dx
Special   NaN stays NaN
Source    Goodfellow, Bengio, Courville, "Deep Learning", MIT Press 2016, section 5.5.1
"""

from __future__ import annotations

from typing import Any

from ..arguments import check_floats
from ..op import kernel, op
from . import losses


@kernel(writes="y")
def mse_loss_forward(x, target, y, reduction):
    """reduction: 0 none, 1 mean, 2 sum."""
    terms = []
    for i in range(len(x)):
        terms.append((x[i] - target[i]) ** 2)
    losses.reduce(terms, len(x), reduction, y)


@kernel(writes="dx, dtarget")
def mse_loss_backward(dy, x, target, dx, dtarget, mean):
    """dx and dtarget may be None."""
    for i in range(len(x)):
        slope = dy[i % len(dy)] * 2 * (x[i] - target[i]) / (len(x) if mean else 1)
        if dx is not None:
            dx[i] = slope
        if dtarget is not None:
            dtarget[i] = -slope


@mse_loss_forward.samples
def _(draw):
    return losses.draw_forward(draw)


@mse_loss_backward.samples
def _(draw):
    return losses.draw_backward(draw)


@op("input", "target")
def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """(input - target)^2, its mean or its sum. See the top of this file."""
    x, t = check_floats("mse_loss", input=input, target=target)
    how = losses.check_reduction("mse_loss", reduction)
    losses.check_same_shape("mse_loss", x, t)
    return losses.of_pairs("mse_loss", x, t, {}, how, mse_loss_forward, mse_loss_backward)
