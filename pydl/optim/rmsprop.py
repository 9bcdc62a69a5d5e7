"""rmsprop: each weight's step is divided by the size of its recent gradients.

    g = dC/dw + weight_decay w
    s = alpha s + (1 - alpha) g^2
    w = w - lr g / (sqrt(s) + eps)

centered      s above is replaced by the variance s - a^2, where a = alpha a + (1 - alpha) g; a rounding error that
              makes it negative counts as 0
momentum      v = momentum v + g / (sqrt(s) + eps), w = w - lr v
Shapes        w, g, s, a, v: lists of arrays of any shapes, matching; a is empty unless centered, v without momentum
Source        Tieleman, Hinton, "Lecture 6.5: rmsprop", Coursera: Neural networks for machine learning (2012);
              Graves, "Generating sequences with recurrent neural networks" (2013), section 4.2, for centered
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from .._compiled import state_arrays
from ..arguments import Array
from ..op import kernel
from .optimizer import Optimizer, Range, fraction


@kernel(writes="w, s, a, v")
def rmsprop_update(w, g, s, a, v, lr, alpha, eps, weight_decay, momentum):
    for k in range(len(w)):
        for i in np.ndindex(w[k].shape):
            gradient = g[k][i]
            if weight_decay != 0:
                gradient += weight_decay * w[k][i]
            s[k][i] = alpha * s[k][i] + (1 - alpha) * gradient**2
            variance = s[k][i]
            if a:
                a[k][i] = alpha * a[k][i] + (1 - alpha) * gradient
                variance = max(s[k][i] - a[k][i] ** 2, 0.0)
            step = gradient / (np.sqrt(variance) + eps)
            if v:
                v[k][i] = momentum * v[k][i] + step
                step = v[k][i]
            w[k][i] -= lr * step


@rmsprop_update.samples
def _(draw):
    shapes = [draw.shape() for _ in range(draw.integer(0, 3))]
    # The mean square is well above the squared mean, as it is in training: their difference is well-conditioned.
    centered, momentum = draw.integer(0, 1), draw.integer(0, 1)
    return {
        "w": [draw.array(shape).copy() for shape in shapes],
        "g": [draw.array(shape).copy() for shape in shapes],
        "s": [draw.array(shape, 0.5, 2).copy() for shape in shapes],
        "a": [draw.array(shape, -0.4, 0.4).copy() for shape in shapes] if centered else [],
        "v": [draw.array(shape).copy() for shape in shapes] if momentum else [],
        "lr": 0.1,
        "alpha": 0.9,
        "eps": 1e-4,
        "weight_decay": draw.choice(0.0, 0.01),
        "momentum": 0.9,
    }


class RMSprop(Optimizer):
    """Steps divided by the root of a moving average of squared gradients. See the top of this file.

    Errors: ValueError for options out of their range.
    """

    RANGES: ClassVar[dict[str, Range]] = {**Optimizer.RANGES, "alpha": fraction}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, {**options, "momentum": momentum, "centered": centered})

    def update(
        self, group: dict[str, Any], weights: list[Array], gradients: list[Array], states: list[dict[str, Any]]
    ) -> None:
        square = state_arrays(states, "square_avg", weights)
        mean = state_arrays(states, "grad_avg", weights) if group["centered"] else []
        velocity = state_arrays(states, "momentum_buffer", weights) if group["momentum"] else []
        options = (group[key] for key in ("lr", "alpha", "eps", "weight_decay", "momentum"))
        rmsprop_update(weights, gradients, square, mean, velocity, *options)
