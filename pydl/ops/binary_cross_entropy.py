"""binary_cross_entropy: how surprising a yes or no is to a probability, in nats.

    loss[i] = - w[i] * (t[i] * log x[i] + (1 - t[i]) * log(1 - x[i]))

and with reduction "mean" or "sum" the mean or the sum over all i. No logarithm counts for less than -100, so that
one hopeless example does not make the loss infinite. From raw scores binary_cross_entropy_with_logits is more exact.

Shapes    x (*) in [0, 1], target t (*) of the same shape; weight w broadcasts to it;
          loss () or, with reduction "none", (*)
Gradient  dx[i] = w[i] * (x[i] - t[i]) / max(x[i] (1 - x[i]), 1e-12) * dloss, divided by the number of elements for
          the mean; dtarget[i] = w[i] * (log(1 - x[i]) - log x[i]) * dloss alike
Source    Goodfellow, Bengio, Courville, "Deep Learning", MIT Press 2016, section 6.2.2.2
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import check_floats
from ..op import kernel, op
from . import losses


def _log(x):
    return max(np.log(x), -100.0)


@kernel(writes="y")
def binary_cross_entropy_forward(x, target, weight, y, reduction):
    """reduction: 0 none, 1 mean, 2 sum. weight may be None."""
    if not all(0 <= p <= 1 for p in (*x, *target)):
        raise ValueError("binary_cross_entropy_forward: x and target must lie between 0 and 1")
    terms = []
    for i in range(len(x)):
        w = 1.0 if weight is None else weight[i]
        terms.append(-w * (target[i] * _log(x[i]) + (1 - target[i]) * _log(1 - x[i])))
    losses.reduce(terms, len(x), reduction, y)


@kernel(writes="dx, dtarget", tolerance=2.0)
def binary_cross_entropy_backward(dy, x, target, weight, dx, dtarget, mean):
    """dx and dtarget may be None."""
    for i in range(len(x)):
        g = dy[i % len(dy)] * (1.0 if weight is None else weight[i]) / (len(x) if mean else 1)
        if dx is not None:
            dx[i] = g * (x[i] - target[i]) / max(x[i] * (1 - x[i]), 1e-12)
        if dtarget is not None:
            dtarget[i] = g * (_log(1 - x[i]) - _log(x[i]))


LIMITS = {"x": (0.001, 0.999), "target": (0.0, 1.0), "weight": (0.1, 2.0)}


@binary_cross_entropy_forward.samples
def _(draw):
    return losses.draw_forward(draw, LIMITS)


@binary_cross_entropy_backward.samples
def _(draw):
    return losses.draw_backward(draw, LIMITS)


@op("input", "target", "weight")
def binary_cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    reduction: str = "mean",
) -> Any:
    """-(target log(input) + (1 - target) log(1 - input)), its mean or its sum. See the top of this file."""
    name = "binary_cross_entropy"
    x, t, w = check_floats(name, ("weight",), input=input, target=target, weight=weight)
    how = losses.check_reduction(name, reduction)
    losses.check_same_shape(name, x, t)
    kernels = binary_cross_entropy_forward, binary_cross_entropy_backward
    try:
        return losses.of_pairs(name, x, t, {"weight": w}, how, *kernels)
    except ValueError:  # the kernel refuses what are no probabilities; this says what they were
        for argument, values in (("input", x), ("target", t)):
            if x.size and not (values.min() >= 0 and values.max() <= 1):
                raise ValueError(
                    f"{name}: {argument} must lie between 0 and 1 but has {values.min():g} to {values.max():g}"
                    + ("; binary_cross_entropy_with_logits takes raw scores" if values is x else "")
                ) from None
        raise
