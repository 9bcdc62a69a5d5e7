"""adagrad: each weight's step is divided by the size of all its gradients so far.

    g = dC/dw + weight_decay w
    s = s + g^2
    w = w - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)          at step t = 1, 2, ...

Shapes    w, g, s: lists of arrays of any shapes, matching
Source    Duchi, Hazan, Singer, "Adaptive subgradient methods for online learning and stochastic optimization",
          JMLR 12 (2011)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from .._compiled import count_step, state_arrays
from ..arguments import Array
from ..op import kernel
from .optimizer import Optimizer, Range, at_least_zero


@kernel(writes="w, s")
def adagrad_update(w, g, s, lr, weight_decay, eps):
    for k in range(len(w)):
        for i in np.ndindex(w[k].shape):
            gradient = g[k][i]
            if weight_decay != 0:
                gradient += weight_decay * w[k][i]
            s[k][i] += gradient**2
            w[k][i] -= lr * gradient / (np.sqrt(s[k][i]) + eps)


@adagrad_update.samples
def _(draw):
    shapes = [draw.shape() for _ in range(draw.integer(0, 3))]
    return {
        "w": [draw.array(shape).copy() for shape in shapes],
        "g": [draw.array(shape).copy() for shape in shapes],
        "s": [draw.array(shape, 0, 2).copy() for shape in shapes],
        "lr": 0.1,
        "weight_decay": draw.choice(0.0, 0.01),
        "eps": 1e-4,
    }


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of squared gradients. See the top of this file.

    initial_accumulator_value: s before the first step. Errors: ValueError for options out of their range.
    """

    RANGES: ClassVar[dict[str, Range]] = {
        **Optimizer.RANGES,
        "lr_decay": at_least_zero,
        "initial_accumulator_value": at_least_zero,
    }
    COUNTED = "step"

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "lr_decay": lr_decay, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, {**options, "initial_accumulator_value": initial_accumulator_value, "eps": eps})

    def takes_sparse(self, group: dict[str, Any]) -> bool:
        return not group["weight_decay"]

    def update(
        self, group: dict[str, Any], weights: list[Array], gradients: list[Array], states: list[dict[str, Any]]
    ) -> None:
        total = state_arrays(states, "sum", weights, group["initial_accumulator_value"])
        lr = group["lr"] / (1 + (count_step(states) - 1) * group["lr_decay"])
        adagrad_update(weights, gradients, total, lr, group["weight_decay"], group["eps"])
