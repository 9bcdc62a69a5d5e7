"""binary_cross_entropy_with_logits: binary_cross_entropy of sigmoid(x), from the raw score x.

    loss[i] = w[i] * ((1 - t[i]) * x[i] + (1 + (v[i] - 1) * t[i]) * log(1 + exp(-x[i])))

and with reduction "mean" or "sum" the mean or the sum over all i. The logarithm is computed as
log(1 + exp(-|x|)) + max(-x, 0), which does not overflow. v, the weight of a yes, makes up for rare ones.

Shapes    x (*), target t (*) of the same shape; weight w and pos_weight v broadcast to it;
          loss () or, with reduction "none", (*)
Gradient  dx[i] = w[i] * ((1 - t[i]) - (1 + (v[i] - 1) t[i]) * sigmoid(-x[i])) * dloss, divided by the number of
          elements for the mean; dtarget[i] = w[i] * ((v[i] - 1) log(1 + exp(-x[i])) - x[i]) * dloss alike
Source    Goodfellow, Bengio, Courville, "Deep Learning", MIT Press 2016, section 6.2.2.2
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_floats
from ..op import kernel, op
from . import losses


def _softplus(x):
    """log(1 + exp(x))."""
    return np.log1p(np.exp(-abs(x))) + max(x, 0.0)


@kernel(writes="y")
def binary_cross_entropy_with_logits_forward(x, target, weight, pos_weight, y, reduction):
    """reduction: 0 none, 1 mean, 2 sum. weight and pos_weight may be None."""
    terms = []
    for i in range(len(x)):
        w, v = (1.0 if each is None else each[i] for each in (weight, pos_weight))
        terms.append(w * ((1 - target[i]) * x[i] + (1 + (v - 1) * target[i]) * _softplus(-x[i])))
    losses.reduce(terms, len(x), reduction, y)


@kernel(writes="dx, dtarget")
def binary_cross_entropy_with_logits_backward(dy, x, target, weight, pos_weight, dx, dtarget, mean):
    """dx and dtarget may be None."""
    for i in range(len(x)):
        w, v = (1.0 if each is None else each[i] for each in (weight, pos_weight))
        g = dy[i % len(dy)] * w / (len(x) if mean else 1)
        if dx is not None:
            dx[i] = g * ((1 - target[i]) - (1 + (v - 1) * target[i]) / (1 + np.exp(x[i])))
        if dtarget is not None:
            dtarget[i] = g * ((v - 1) * _softplus(-x[i]) - x[i])


LIMITS = {"x": (), "target": (0.0, 1.0), "weight": (0.1, 2.0), "pos_weight": (0.1, 3.0)}


@binary_cross_entropy_with_logits_forward.samples
def _(draw):
    return losses.draw_forward(draw, LIMITS)


@binary_cross_entropy_with_logits_backward.samples
def _(draw):
    return losses.draw_backward(draw, LIMITS)


@op("input", "target", "weight", "pos_weight")
def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Any:
    """binary_cross_entropy of sigmoid(input), exact for scores of any size. See the top of this file."""
    name = "binary_cross_entropy_with_logits"
    x, t, w, v = check_floats(
        name, ("weight", "pos_weight"), input=input, target=target, weight=weight, pos_weight=pos_weight
    )
    how = losses.check_reduction(name, reduction)
    losses.check_same_shape(name, x, t)
    weights = {"weight": w, "pos_weight": v}
    kernels = binary_cross_entropy_with_logits_forward, binary_cross_entropy_with_logits_backward
    return losses.of_pairs(name, x, t, weights, how, *kernels)
