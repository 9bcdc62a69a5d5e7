"""huber_loss: half the squared difference where it is small, a straight line where it is large.

    loss[i] = d^2 / 2                  where |d| < delta,   d = x[i] - target[i]
              delta (|d| - delta / 2)  elsewhere

and with reduction "mean" or "sum" the mean or the sum over all i.

Shapes    x (*), target (*) of the same shape; loss () or, with reduction "none", (*)
Gradient  dx[i] = d, but at least -delta and at most delta, times dloss, divided by the number of elements for the mean;
          dtarget = -dx
Source    Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35 (1964)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Array, check_floats, check_number
from ..op import kernel, op
from . import losses


@kernel(writes="y")
def huber_loss_forward(x, target, y, delta, scale, reduction):
    """scale: a factor of the loss. reduction: 0 none, 1 mean, 2 sum."""
    terms = []
    for i in range(len(x)):
        d = abs(x[i] - target[i])
        terms.append(scale * (delta * (d - delta / 2) if d >= delta else d * d / 2))
    losses.reduce(terms, len(x), reduction, y)


@kernel(writes="dx, dtarget")
def huber_loss_backward(dy, x, target, dx, dtarget, delta, scale, mean):
    """dx and dtarget may be None."""
    for i in range(len(x)):
        d = x[i] - target[i]
        slope = -delta if d < -delta else delta if d > delta else d
        slope *= scale * dy[i % len(dy)] / (len(x) if mean else 1)
        if dx is not None:
            dx[i] = slope
        if dtarget is not None:
            dtarget[i] = -slope


@huber_loss_forward.samples
def _(draw):
    drawn = losses.draw_forward(draw)
    return {**drawn, "delta": draw.choice(1.0, 0.3), "scale": draw.choice(1.0, 2.5)}


@huber_loss_backward.samples
def _(draw):
    drawn = losses.draw_backward(draw)
    return {**drawn, "delta": draw.choice(1.0, 0.3), "scale": draw.choice(1.0, 2.5)}


@op("input", "target")
def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    """Half the squared difference, or a straight line from |difference| = delta on. See the top of this file."""
    x, t = check_floats("huber_loss", input=input, target=target)
    return of_differences("huber_loss", x, t, reduction, check_positive("huber_loss", "delta", delta), 1.0)


def of_differences(name: str, x: Array, target: Array, reduction: Any, delta: float, scale: float) -> Any:
    """scale times huber_loss, with its gradient."""
    how = losses.check_reduction(name, reduction)
    losses.check_same_shape(name, x, target)

    def forward(x, target, y, how):
        huber_loss_forward(x, target, y, delta, scale, how)

    def backward(dy, x, target, dx, dtarget, mean):
        huber_loss_backward(dy, x, target, dx, dtarget, delta, scale, mean)

    return losses.of_pairs(name, x, target, {}, how, forward, backward)


def check_positive(name: str, argument: str, value: Any) -> float:
    """`value` as a float above 0."""
    number = check_number(name, argument, value)
    if not 0 < number < np.inf:
        raise ValueError(f"{name}: {argument} must be positive and finite, not {value}")
    return number
