"""radam: adam that takes plain steps of momentum until enough gradients were seen to divide by their size.

    rho_max = 2 / (1 - beta2) - 1,   rho = rho_max - 2 t beta2^t / (1 - beta2^t)   at step t = 1, 2, ...
    rho > 5   w = w - lr r (m / c1) sqrt(c2) / (sqrt(v) + eps)
              r^2 = (rho - 4) (rho - 2) rho_max / ((rho_max - 4) (rho_max - 2) rho)
    else      w = w - lr m / c1

g, m, v, c1 and c2 are those of adam.py, whose kernel this is too: with eps / sqrt(c2) in place of eps the first line
is adam's with r times its rate. The second is one whose eps, and with it the rate, is so large that v does not count.

Source    Liu, Jiang, He, Chen, Liu, Gao, Han, "On the variance of the adaptive learning rate and beyond", ICLR 2020
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from .._compiled import count_step, state_arrays
from ..arguments import Array
from .adam import Adam, adam_update
from .optimizer import Optimizer

BEYOND_ALL = 2.0**100  # no root of v counts beside it, and as a power of two it takes no digit from m


class RAdam(Adam):
    """Adam with a rectified rate. See the top of this file.

    decoupled_weight_decay: as in AdamW. Errors: ValueError for options out of their range.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        options |= {"decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize}
        Optimizer.__init__(self, params, options)

    def update(
        self, group: dict[str, Any], weights: list[Array], gradients: list[Array], states: list[dict[str, Any]]
    ) -> None:
        beta1, beta2 = group["betas"]
        step = count_step(states)
        correction1, correction2 = 1 - beta1**step, 1 - beta2**step
        rho_max = 2 / (1 - beta2) - 1
        rho = rho_max - 2 * step * beta2**step / correction2
        if rho > 5:
            rectification = math.sqrt((rho - 4) * (rho - 2) * rho_max / ((rho_max - 4) * (rho_max - 2) * rho))
            eps, correction1 = group["eps"] / math.sqrt(correction2), correction1 / rectification
        else:
            eps, correction1, correction2 = BEYOND_ALL, correction1 / BEYOND_ALL, 1.0
        averages = (state_arrays(states, name, weights) for name in ("exp_avg", "exp_avg_sq"))
        decay, decoupled = group["weight_decay"], group["decoupled_weight_decay"]
        adam_update(
            weights, gradients, *averages, [], group["lr"], beta1, beta2, eps, decay, decoupled, 0.0, correction1,
            correction2,
        )  # fmt: skip
