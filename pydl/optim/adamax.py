"""adamax: adam that divides by the largest of the recent gradients in place of the root of their mean square.

    g = dC/dw + weight_decay w
    m = beta1 m + (1 - beta1) g
    u = max(beta2 u, |g| + eps)
    w = w - lr / (1 - beta1^t) m / u          at step t = 1, 2, ...

Shapes    w, g, m, u: lists of arrays of any shapes, matching
Source    Kingma, Ba, "Adam: a method for stochastic optimization", ICLR 2015, section 7.1
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .._compiled import count_step, state_arrays
from ..arguments import Array
from ..op import kernel
from .adam import Adam
from .optimizer import Optimizer


@kernel(writes="w, m, u")
def adamax_update(w, g, m, u, rate, beta1, beta2, eps, weight_decay):
    """rate: lr / (1 - beta1^t)."""
    for k in range(len(w)):
        for i in np.ndindex(w[k].shape):
            gradient = g[k][i]
            if weight_decay != 0:
                gradient += weight_decay * w[k][i]
            m[k][i] = beta1 * m[k][i] + (1 - beta1) * gradient
            u[k][i] = np.maximum(beta2 * u[k][i], np.abs(gradient) + eps)  # unlike max(), keeps NaN
            w[k][i] -= rate * m[k][i] / u[k][i]


@adamax_update.samples
def _(draw):
    shapes = [draw.shape() for _ in range(draw.integer(0, 3))]
    return {
        "w": [draw.array(shape).copy() for shape in shapes],
        "g": [draw.array(shape).copy() for shape in shapes],
        "m": [draw.array(shape).copy() for shape in shapes],
        "u": [draw.array(shape, 0, 2).copy() for shape in shapes],
        "rate": 0.05,
        "beta1": 0.9,
        "beta2": 0.99,
        "eps": 1e-2,
        "weight_decay": draw.choice(0.0, 0.01),
    }


class Adamax(Adam):
    """Steps divided by the largest recent gradient. See the top of this file.

    Errors: ValueError for options out of their range.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        Optimizer.__init__(self, params, options)

    def update(
        self, group: dict[str, Any], weights: list[Array], gradients: list[Array], states: list[dict[str, Any]]
    ) -> None:
        beta1, beta2 = group["betas"]
        rate = group["lr"] / (1 - beta1 ** count_step(states))
        averages = (state_arrays(states, name, weights) for name in ("exp_avg", "exp_inf"))
        adamax_update(weights, gradients, *averages, rate, beta1, beta2, group["eps"], group["weight_decay"])
