"""kl_div: how far predicted probabilities are from the true ones, the Kullback-Leibler divergence, point by point.

    loss[i] = t[i] (log t[i] - x[i])            x: log-probabilities, t: probabilities
    loss[i] = exp(t[i]) (t[i] - x[i])           with log_target, where t are log-probabilities, too

and with reduction "sum" the sum over all i, with "batchmean" that sum over the first dimension's size, which is the
divergence of a sample, with "mean" over the number of elements.

Shapes    x (*), t (*) of the same shape; loss () or, with reduction "none", (*)
Gradient  dx[i] = -t[i] dloss;   dt[i] = (log t[i] + 1 - x[i]) dloss
          dx[i] = -exp(t[i]) dloss;   dt[i] = exp(t[i]) (t[i] - x[i] + 1) dloss   with log_target
Special   t log t is 0 for t = 0
Source    Kullback, Leibler, "On information and sufficiency", Annals of Mathematical Statistics 22 (1951)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_choice, check_flag, check_floats
from ..op import kernel, op
from ..tensor import Tensor
from . import losses


@kernel(writes="y")
def kl_div_forward(x, target, y, log_target, reduction):
    """reduction: 0 none, 1 mean, 2 sum."""
    terms = []
    for i in range(len(x)):
        t = target[i]
        if log_target:
            terms.append(np.exp(t) * (t - x[i]))
        else:
            terms.append((0.0 if t == 0 else t * np.log(t)) - t * x[i])
    losses.reduce(terms, len(x), reduction, y)


@kernel(writes="dx, dtarget")
def kl_div_backward(dy, x, target, dx, dtarget, log_target, mean):
    """dx and dtarget may be None."""
    for i in range(len(x)):
        t, g = target[i], dy[i % len(dy)] / (len(x) if mean else 1)
        if dx is not None:
            dx[i] = -g * (np.exp(t) if log_target else t)
        if dtarget is not None:
            dtarget[i] = g * (np.exp(t) * (t - x[i] + 1) if log_target else np.log(t) + 1 - x[i])


def _limits(log_target):
    return {"x": (-4.0, 0.0), "target": (-4.0, 0.0) if log_target else (0.01, 1.0)}


@kl_div_forward.samples
def _(draw):
    log_target = draw.choice(False, True)
    drawn = losses.draw_forward(draw, _limits(log_target))
    if not log_target and draw.choice(False, True):
        drawn["target"][::3] = 0.0
    return {**drawn, "log_target": log_target}


@kl_div_backward.samples
def _(draw):
    log_target = draw.choice(False, True)
    return {**losses.draw_backward(draw, _limits(log_target)), "log_target": log_target}


@op("input", "target")
def _kl_div(input: Any, target: Any, reduction: str, log_target: bool) -> Any:
    x, t = check_floats("kl_div", input=input, target=target)
    losses.check_same_shape("kl_div", x, t)

    def forward(x, target, y, how):
        kl_div_forward(x, target, y, log_target, how)

    def backward(dy, x, target, dx, dtarget, mean):
        kl_div_backward(dy, x, target, dx, dtarget, log_target, mean)

    return losses.of_pairs("kl_div", x, t, {}, losses.REDUCTIONS[reduction], forward, backward)


def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    """target (log target - input), for input of log-probabilities. See the top of this file."""
    reduction = check_choice("kl_div", "reduction", reduction, "none", "mean", "sum", "batchmean")
    log_target = check_flag("kl_div", "log_target", log_target)
    if reduction != "batchmean":
        return _kl_div(input, target, reduction, log_target)
    shape = input.shape if isinstance(input, Tensor) else np.shape(input)
    if not shape or not shape[0]:
        raise ValueError(f"kl_div: input has shape {shape}, but reduction='batchmean' divides by its first dimension")
    return _kl_div(input, target, "sum", log_target) * (1 / shape[0])
