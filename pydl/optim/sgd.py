"""sgd: stochastic gradient descent, with momentum.

    g = dC/dw + weight_decay w
    v = momentum v + (1 - dampening) g      (at the first step v = g)
    w = w - lr v                            (with nesterov: w - lr (g + momentum v); without momentum: w - lr g)

Shapes    w, g, v: lists of arrays of any shapes, matching; v is empty without momentum
Source    Robbins, Monro, "A stochastic approximation method", Annals of Mathematical Statistics 22 (1951);
          Polyak, "Some methods of speeding up the convergence of iteration methods" (1964) for momentum;
          Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013 for nesterov
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from .._compiled import state_arrays
from ..arguments import Array
from ..op import kernel
from .optimizer import Optimizer, Range, any_number


@kernel(writes="w, v")
def sgd_update(w, g, v, lr, momentum, dampening, weight_decay, nesterov):
    for k in range(len(w)):
        for i in np.ndindex(w[k].shape):
            gradient = g[k][i]
            if weight_decay != 0:
                gradient += weight_decay * w[k][i]
            if v:
                v[k][i] = momentum * v[k][i] + (1 - dampening) * gradient
                gradient = gradient + momentum * v[k][i] if nesterov else v[k][i]
            w[k][i] -= lr * gradient


@sgd_update.samples
def _(draw):
    shapes = [draw.shape() for _ in range(draw.integer(0, 3))]
    w, g, v = ([draw.array(shape).copy() for shape in shapes] for _ in range(3))
    return {
        "w": w,
        "g": g,
        "v": v if draw.integer(0, 1) else [],
        "lr": 0.1,
        "momentum": 0.9,
        "dampening": draw.choice(0.0, 0.5),
        "weight_decay": draw.choice(0.0, 0.01),
        "nesterov": bool(draw.integer(0, 1)),
    }


class SGD(Optimizer):
    """Stochastic gradient descent with momentum. See the top of this file.

    Errors: ValueError for options out of their range, and for nesterov without momentum or with dampening.
    """

    RANGES: ClassVar[dict[str, Range]] = {**Optimizer.RANGES, "dampening": any_number}
    COUNTED = "momentum_buffer"

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "momentum": momentum, "dampening": dampening, "maximize": maximize}
        super().__init__(params, {**options, "weight_decay": weight_decay, "nesterov": nesterov})

    def check_options(self, group: dict[str, Any]) -> None:
        super().check_options(group)
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError("SGD: nesterov needs a momentum above 0 and a dampening of 0")

    def takes_sparse(self, group: dict[str, Any]) -> bool:
        return not group["momentum"] and not group["weight_decay"]

    def update(
        self, group: dict[str, Any], weights: list[Array], gradients: list[Array], states: list[dict[str, Any]]
    ) -> None:
        momentum, velocity = group["momentum"], []
        dampening = group["dampening"] if "momentum_buffer" in states[0] else 0.0
        if momentum:
            velocity = state_arrays(states, "momentum_buffer", weights)
        decay, nesterov = group["weight_decay"], group["nesterov"]
        sgd_update(weights, gradients, velocity, group["lr"], momentum, dampening, decay, nesterov)
